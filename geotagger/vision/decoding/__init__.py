"""From the outputs of a network to log-likelihoods and top-k places."""
