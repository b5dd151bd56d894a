"""`python -m geotagger`."""

from geotagger.cli.main import main

main()
