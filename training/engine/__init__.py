"""The training loop, checkpoints, recipes and the folder of a run."""
