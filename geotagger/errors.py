"""What can go wrong, and what it means for the run.

A `PhotoError` concerns one photo: it becomes that photo's row, and the run goes on.
Every other `GeotaggerError` stops the run with its own exit code.
"""

from __future__ import annotations

from geotagger.reasons import ReasonCode


class GeotaggerError(Exception):
    """Base of all errors that geotagger raises. The message names the cause and the remedy."""

    exit_code = 1


class UsageError(GeotaggerError):
    """The command line asks for something that cannot be."""

    exit_code = 2


class NoPhotosError(GeotaggerError):
    """The paths hold no photo."""

    exit_code = 4


class BundleError(GeotaggerError):
    """A model bundle is missing, damaged, or of a format that this version does not know."""


class DeviceError(GeotaggerError):
    """The device that was asked for does not run here."""


class PhotoError(GeotaggerError):
    """One photo cannot be read, judged or written. The message becomes its note in the report."""

    code = ReasonCode.UNREADABLE_FILE

    def __init__(self, message: str, code: ReasonCode | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code


class UnreadableImageError(PhotoError):
    """The file holds no picture that can be decoded."""

    code = ReasonCode.DAMAGED_IMAGE


class CannotEmbedError(PhotoError):
    """Nothing can be written into this file without risk; the text says why."""
