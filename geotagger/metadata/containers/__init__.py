"""File formats that carry metadata: JPEG, PNG, WebP, TIFF, HEIF."""
