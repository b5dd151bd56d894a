"""Build places.npz and borders.npz: the rows of the places table and the borders of countries."""
