"""The run: scan, prepare, infer, fuse, write, report; on one machine or on a Ray cluster."""
