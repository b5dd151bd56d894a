"""`geotagger doctor`: checks what is installed and what runs, and says how to repair the rest."""
