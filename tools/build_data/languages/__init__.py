"""Build countries.json, languages.npz and words.npz: what is written on signs, and in which language."""
