"""The vision runtime: a bundle is on disk, its card describes it, a session is loaded and runs."""
