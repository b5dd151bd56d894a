"""The page of `geotagger app`: the review's, with a beginning and a run."""
