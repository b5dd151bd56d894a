"""The gazetteer: place names, the places that have them, and how to find names in lines of text."""
