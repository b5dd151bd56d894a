"""Write a changed photo to disk so that no failure can lose the original."""
