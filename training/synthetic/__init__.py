"""Draws training pictures: signs, lines of text, pages, screens."""
