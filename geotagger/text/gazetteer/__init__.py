"""Place names: the index of names, and which words on a sign are place names."""
