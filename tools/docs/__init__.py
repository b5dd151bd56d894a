"""Make the pictures and pages of the docs that a program can make."""
