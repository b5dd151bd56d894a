"""Language and script of the text, as evidence of the country."""
