"""Text in photos: read it, find cues of place in it, combine the cues."""
