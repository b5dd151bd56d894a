"""One file for each kind of cue that text gives of a place: phone numbers, postcodes, prices ..."""
