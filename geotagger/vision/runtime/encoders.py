"""Positions as vectors, by a network that was exported to ONNX: GeoCLIP's location encoder.

It always computes in float32: at its finest scale the arguments of the sines reach thousands of
radians, and half precision makes noise of them (Vivanco Cepeda et al. 2023).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle.bundle import find_bundle, load_bundle, models_folder
from geotagger.vision.bundle.head_specs import RetrieveHead
from geotagger.vision.runtime.devices import candidates, open_session

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

LOCATION_FILE = "location-encoder.onnx"
"""In the folder of the imported models."""

_AT_ONCE = 4096


class LocationEncoder:
    """float32 [n, D] of positions [n, 2], degrees (lat, lon); D is 512, and lengths are not 1.

    These are GeoCLIP's published weights, and can serve as features of place for any other model.
    """

    def __init__(
        self, file: str | Path | None = None, *, device: str = "cpu", threads: int = 1
    ) -> None:
        """
        Args:
            file: an exported encoder; without one, what `geotagger models import` has brought.
            device: as in `geotagger.vision.runtime.session.Session`.
            threads: processors that share the work on the CPU.

        Raises:
            BundleError: there is none, or it is no location encoder.
            DeviceError: the device does not run it.
        """
        from pathlib import Path

        path = imported_encoder() if file is None else Path(file)
        *_, last = candidates(device)
        try:
            self._session = open_session(
                path, last if device == "auto" else device, threads, exact=True
            )
            (self._input,) = self._session.get_inputs()
        except Exception as error:  # ONNX Runtime's errors share no other base class
            if isinstance(error, (BundleError, UsageError)):
                raise
            raise BundleError(
                f"{path}: not a location encoder that runs here ({error}); "
                "geotagger models import location-encoder makes one"
            ) from error

    def __call__(self, gps: ArrayLike) -> NDArray[np.float32]:
        """Raises ValueError: the shape is not [n, 2], or a position is none."""
        degrees = np.asarray(gps, np.float32)
        if degrees.ndim != 2 or degrees.shape[1] != 2:
            raise ValueError(f"positions have the shape [n, 2], lat and lon, not {degrees.shape}")
        if not (np.abs(degrees) <= (90, 180)).all():
            raise ValueError("a latitude is not in -90 to 90, or a longitude not in -180 to 180")
        parts = [
            self._session.run(None, {self._input.name: degrees[start : start + _AT_ONCE]})[0]
            for start in range(0, max(len(degrees), 1), _AT_ONCE)
        ]
        vectors: NDArray[np.float32] = np.concatenate(parts)
        return vectors


def imported_encoder() -> Path:
    """Its own file, or that of the bundle `geoclip`. Raises BundleError: there is neither."""
    file = models_folder() / LOCATION_FILE
    if file.is_file():
        return file
    try:
        bundle = load_bundle(find_bundle("geoclip"))
    except BundleError as error:
        raise BundleError(
            "there is no location encoder here; geotagger models import location-encoder makes one"
        ) from error
    heads = bundle.card.heads
    names = [head.encoder for head in heads if isinstance(head, RetrieveHead) and head.encoder]
    if not names:
        raise BundleError(f"{bundle.path}: comes without a location encoder; import it again")
    return bundle.path / names[0]
