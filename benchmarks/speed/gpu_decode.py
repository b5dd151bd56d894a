"""Throughput of decoding and shrinking JPEGs on the GPU, by the libraries that are installed.

    python -m benchmarks.speed.gpu_decode                 synthetic 12-MP JPEGs
    python -m benchmarks.speed.gpu_decode --folder ~/Photos

nvImageCodec and torchvision (nvJPEG) decode batches of files into the model's pixels on the GPU.
For comparison geotagger's decoder runs on all cores. A library that is not installed, or a missing
GPU, is reported.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.fixtures.photos import make_folder
from geotagger.config import cores
from geotagger.images.decode import InputSpec, decode, fit

AT_ONCE = 32
Way = Callable[[Sequence[bytes], int], Sequence[Any]]


def nvimagecodec() -> Way:
    from nvidia import nvimgcodec

    decoder = nvimgcodec.Decoder()

    def way(files: Sequence[bytes], size_px: int) -> list[torch.Tensor]:
        images = decoder.decode(list(files))
        planes = [torch.as_tensor(image, device="cuda").permute(2, 0, 1) for image in images]
        return [_shrunk(one, size_px) for one in planes]

    return way


def torchvision() -> Way:
    from torchvision.io import ImageReadMode, decode_jpeg

    def way(files: Sequence[bytes], size_px: int) -> list[torch.Tensor]:
        data = [torch.frombuffer(bytearray(file), dtype=torch.uint8) for file in files]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated: it will move to another package
            planes = decode_jpeg(data, mode=ImageReadMode.RGB, device="cuda")
        return [_shrunk(one, size_px) for one in planes]

    return way


def pillow() -> Way:
    pool = ThreadPoolExecutor(cores())

    def way(files: Sequence[bytes], size_px: int) -> list[np.ndarray]:
        spec = InputSpec(size_px, "crop", "bicubic")
        return list(pool.map(lambda data: fit(decode(data, size_px).image, spec), files))

    return way


WAYS = {"Pillow, all cores": pillow, "nvImageCodec": nvimagecodec, "torchvision": torchvision}


def _shrunk(planes: torch.Tensor, size_px: int) -> torch.Tensor:
    """uint8 [S, S, 3] of the square in the middle of [3, H, W]."""
    side = min(planes.shape[1:])
    top, left = ((length - side) // 2 for length in planes.shape[1:])
    square = planes[None, :, top : top + side, left : left + side].float()
    small = torch.nn.functional.interpolate(
        square, (size_px, size_px), mode="bicubic", antialias=True
    )
    return small[0].permute(1, 2, 0).round().clamp(0, 255).byte()


def measure(folder: Path, count: int, size_px: int = 336) -> dict[str, dict[str, Any]]:
    """For each way photos/s and the mean difference from Pillow in levels, or the problem."""
    files = [path.read_bytes() for path in sorted(folder.iterdir())[:count] if path.is_file()]
    wanted = pillow()(files[:1], size_px)[0].astype(float)
    found: dict[str, dict[str, Any]] = {}
    for name, make in WAYS.items():
        if make is not pillow and not torch.cuda.is_available():
            found[name] = {"problem": "no NVIDIA GPU that torch can use is here"}
            continue
        try:
            found[name] = _measure(make(), files, size_px, wanted)
        except ImportError:
            found[name] = {"problem": "not installed"}
        except Exception as error:  # each library has errors of its own
            found[name] = {"problem": " ".join(str(error).split())[:200]}
    return found


def _measure(
    way: Way, files: Sequence[bytes], size_px: int, wanted: np.ndarray
) -> dict[str, float]:
    first = way(files[:AT_ONCE], size_px)[0]  # also warms up
    first = first.cpu().numpy() if isinstance(first, torch.Tensor) else first
    started = time.perf_counter()
    for start in range(0, len(files), AT_ONCE):
        way(files[start : start + AT_ONCE], size_px)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    rate = len(files) / (time.perf_counter() - started)
    return {"photos_per_s": rate, "mean_error": float(np.abs(first - wanted).mean())}


def lines_of(figures: dict[str, dict[str, Any]]) -> list[str]:
    return [
        f"{name:22} {one['problem']}"
        if "problem" in one
        else f"{name:22} {one['photos_per_s']:8.0f} photos/s, differs by "
        f"{one['mean_error']:.2f} levels"
        for name, one in figures.items()
    ]


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="JPEGs to use.")
@click.option("--photos", "count", default=256, show_default=True)
@click.option("--size", "size_px", default=336, show_default=True)
def main(folder: Path | None, count: int, size_px: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = folder or make_folder(Path(scratch) / "photos", count)
        for line in lines_of(measure(source, count, size_px)):
            click.echo(line)


if __name__ == "__main__":
    main()
