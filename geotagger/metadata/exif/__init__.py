"""EXIF blocks: the TIFF directories in them, the GPS tags, the append-only patch."""
