"""The networks, their layers and losses, in PyTorch."""
