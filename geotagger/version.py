"""The version of this program: a leaf, so that any module may name it."""

__version__ = "0.1.0"
