"""Records that online albums export beside photos: Google Takeout and Ente."""
