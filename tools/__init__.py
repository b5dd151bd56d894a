"""Scripts that build the data and the pictures of the docs."""
