"""The undo records in tagged photos and in the journal of writes, and how to restore from them."""
