"""`geotagger doctor`: what is installed, and what runs."""
