"""ExifTool as a backend, for formats that geotagger does not write itself."""
