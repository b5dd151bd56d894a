"""From prior and evidence to a posterior, and from the posterior to a prediction."""
