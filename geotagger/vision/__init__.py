"""Vision models: read a bundle, run its network, decode its outputs to log-likelihoods."""
