"""Speed, memory and quality, as commands that print ratios from one run."""
