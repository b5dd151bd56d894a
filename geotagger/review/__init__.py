"""A local page to look at a report, correct and approve it, and write what was approved."""
