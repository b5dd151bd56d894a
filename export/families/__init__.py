"""One file for each family of trained models: how its run becomes a bundle."""
