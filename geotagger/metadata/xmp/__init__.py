"""XMP packets: read, change single bytes ranges, remove what geotagger wrote."""
