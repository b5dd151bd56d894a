"""GeoCLIP's own layers, scale and gallery, from the wheel of its package."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.download.torch_archive import read_tensors
from geotagger.download.wheel import read_member
from geotagger.errors import DownloadError
from geotagger.vision.published.bundle import GeoClipRelease

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from geotagger.download.wheel import PackageWheel

_WEIGHTS = "geoclip/model/weights/{}_weights.pth"
_GALLERY = "geoclip/model/gps_gallery/coordinates_100K.csv"


@dataclass(frozen=True, slots=True)
class TensorsInMemory:
    """A `TensorSource` of tensors that are small enough."""

    tensors: Mapping[str, NDArray[Any]]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def read(self, name: str) -> NDArray[Any]:
        return self.tensors[name]


def read_release(wheel: PackageWheel, path: Path, folder: Path) -> GeoClipRelease:
    """GeoCLIP's part of a bundle. Nothing is unpickled.

    Args:
        wheel: what the wheel is.
        path: the file.
        folder: gets the table of the gallery.

    Raises:
        DownloadError: the wheel holds something else.
    """

    def weights(name: str, prefix: str) -> dict[str, NDArray[Any]]:
        member = _WEIGHTS.format(name)
        found = read_tensors(io.BytesIO(read_member(path, member)), f"{path.name}, {member}")
        return {prefix + name: values for name, values in found.items()}

    tensors = weights("image_encoder_mlp", "mlp.") | weights("location_encoder", "location.")
    (log_scale,) = weights("logit_scale", "").values()
    if log_scale.size != 1:
        raise DownloadError(f"{path.name}: the scale of its cosines is not one number")
    points = folder / Path(_GALLERY).name
    points.write_bytes(read_member(path, _GALLERY))
    return GeoClipRelease(
        tensors=TensorsInMemory(tensors),
        scale=float(np.exp(log_scale.ravel()[0])),
        points=points,
        name=f"package {wheel.package} {wheel.version}",
    )
