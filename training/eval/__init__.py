"""How well a model does, beside simple baselines and people."""
