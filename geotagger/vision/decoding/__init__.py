"""Decodes the outputs of a model's heads to log-likelihoods over the places table."""
