"""The errors of geotagger, and what they mean for a run.

A `PhotoError` concerns one photo: it becomes that photo's row, and the run goes on.
Every other `GeotaggerError` stops the run with its own exit code.
"""

from __future__ import annotations

from geotagger.reasons import ReasonCode


class GeotaggerError(Exception):
    """Base of all errors that geotagger raises. The message names the cause and the remedy."""

    exit_code = 1


class UsageError(GeotaggerError):
    """The command line, or an option, is invalid."""

    exit_code = 2


class NoPhotosError(GeotaggerError):
    """There is no photo under the paths."""

    exit_code = 4


class BundleError(GeotaggerError):
    """A model bundle is missing, damaged, or has an unknown format."""


class DownloadError(GeotaggerError):
    """A file cannot be downloaded, or is not the one that was expected."""


class DeviceError(GeotaggerError):
    """The chosen device does not run on this machine."""


class PhotoError(GeotaggerError):
    """A photo cannot be read or written. Message and code become its reason in the report."""

    code = ReasonCode.UNREADABLE_FILE

    def __init__(self, message: str, code: ReasonCode | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code


class UnreadableImageError(PhotoError):
    """The file contains no picture that can be decoded."""

    code = ReasonCode.DAMAGED_IMAGE


class CannotEmbedError(PhotoError):
    """The file cannot be written to without risk; the message says why."""
