"""Undo records in tagged photos and in the write journal, and how photos are restored from them."""
