"""The Earth: great-circle distances, the places table, borders, areas, places a user names."""
