"""Build countries.json, languages.npz and words.npz: the languages on the signs of each country."""
