"""How often it is right, and what it leaves of the files of others."""
