"""From a path to pixels: find photo files, identify their format, decode and resize them."""
