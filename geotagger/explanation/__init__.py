"""`geotagger explain`: what each source of evidence did to one prediction."""
