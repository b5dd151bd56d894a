"""`python -m geotagger`."""

from geotagger.cli import main

main()
