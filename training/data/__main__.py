"""`python -m training.data SOURCE`."""

from training.data.dataset import main

main()
