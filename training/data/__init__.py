"""Photos with known places: tables, folders and streams, splits, batches of pixels."""
