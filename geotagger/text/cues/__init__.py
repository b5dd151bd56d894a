"""The kinds of cue, one file each: place names, phone numbers, postcodes, prices and others."""
