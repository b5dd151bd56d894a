"""EXIF, XMP and IPTC of photo files: read, write without loss, undo."""
