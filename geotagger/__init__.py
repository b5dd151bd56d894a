"""geotagger: where was this photo taken, how sure is that, and why."""

__version__ = "0.1.0"
