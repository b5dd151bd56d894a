"""Text that says nothing of the place: date stamps, watermarks, brands, books."""
