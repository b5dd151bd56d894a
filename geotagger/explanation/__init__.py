"""`geotagger explain`: one photo's belief, and what each source of evidence did to it."""
