"""Published models (GeoCLIP, StreetCLIP, CLIP, SigLIP) as bundles."""
