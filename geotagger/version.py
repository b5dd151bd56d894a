"""The version of this program: a leaf, so that any module may name it."""

__version__ = "0.2.0"
