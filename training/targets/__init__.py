"""What a model learns to predict: cells, classes, climates, captions, galleries."""
