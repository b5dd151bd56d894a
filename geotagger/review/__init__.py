"""`geotagger review`: a local server on which a person approves and corrects predictions."""
