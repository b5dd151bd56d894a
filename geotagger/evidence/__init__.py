"""One file for each source of evidence; each returns log-likelihoods over the places table."""
