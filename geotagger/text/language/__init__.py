"""Language models: how likely words are in each language, by word lists and by letters."""
