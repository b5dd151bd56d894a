"""XMP packets: read a prediction, add one byte by byte, remove it again (ISO 16684-1)."""
