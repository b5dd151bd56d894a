"""Time and error of decoding a 12-megapixel JPEG to 224 pixels, and peak memory by format.

    python -m benchmarks.speed.decode                 time, and error relative to a full decode
    python -m benchmarks.speed.decode --memory        peak memory of each format, in bytes a pixel

The ways take turns in every round, so that noise of the machine affects all of them alike.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from benchmarks.fixtures.photos import make_photo
from geotagger.images.decode import InputSpec, decode, fit

SPEC = InputSpec(224, "crop", "bicubic")
SIZE = (SPEC.size_px, SPEC.size_px)
BICUBIC = Image.Resampling.BICUBIC
Way = Callable[[bytes], np.ndarray]


def full_decode(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return np.array(image.resize(SIZE, BICUBIC, box=_square(image)))


def draft(data: bytes) -> np.ndarray:
    """The fastest way in Pillow: the smallest JPEG scale that covers the model's size."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (SPEC.size_px, SPEC.size_px))
        return np.array(image.resize(SIZE, BICUBIC, box=_square(image)))


def geotagger(data: bytes) -> np.ndarray:
    return fit(decode(data, SPEC.size_px).image, SPEC)


def _square(image: Image.Image) -> tuple[float, float, float, float]:
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return left, top, left + side, top + side


def measure_time(data: bytes, rounds: int) -> None:
    ways: tuple[Way, ...] = (full_decode, draft, geotagger)
    reference = full_decode(data).astype(float)
    seconds: dict[str, list[float]] = {way.__name__: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            start = time.perf_counter()
            way(data)
            seconds[way.__name__].append(time.perf_counter() - start)
    for way in ways:
        error = np.abs(way(data).astype(float) - reference)
        print(
            f"{way.__name__:12} {median(seconds[way.__name__]) * 1000:7.1f} ms"
            f"   mean error {error.mean():.2f} levels, largest {error.max():.0f}"
        )


def measure_threads(data: bytes, photos: int) -> None:
    rates = []
    for threads in sorted({1, 2, os.cpu_count() or 1}):
        with ThreadPoolExecutor(threads) as pool:
            start = time.perf_counter()
            list(pool.map(geotagger, [data] * photos))
            rates.append(photos / (time.perf_counter() - start))
        print(f"{threads} threads  {rates[-1]:6.1f} photos/s  {rates[-1] / rates[0]:.2f} x one")


def _encode(kind: str, pixels: int) -> bytes:
    side = int(pixels**0.5)
    image = Image.radial_gradient("L").resize((side, side))
    colour = Image.merge("RGB", (image, image.rotate(90), image.rotate(180)))
    modes = {"RGB": colour, "L": image, "P": colour.convert("P")}
    modes["RGBA"] = Image.merge("RGBA", (*colour.split(), image))
    modes["I;16"] = image.convert("I").point(lambda level: level * 257).convert("I;16")
    modes["CMYK"] = colour.convert("CMYK")
    modes["F"] = image.convert("F")
    modes["LAB"] = Image.merge("LAB", colour.split())
    name, mode, *options = kind.split("/")
    out = io.BytesIO()
    settings = dict(option.split("=") for option in options)
    if settings.pop("progressive", ""):
        modes[mode].save(out, name, progressive=True)
    else:
        modes[mode].save(out, name, **settings)
    return out.getvalue()


def peak_bytes_per_px(kind: str, pixels: int, min_side_px: int) -> float:
    """Peak memory of one decode, in bytes a pixel, beyond that of a tiny image of the same kind."""
    unit = 1 if sys.platform == "darwin" else 1024
    with multiprocessing.get_context("spawn").Pool(1) as maker:
        small, large = maker.starmap(_encode, ((kind, 4096), (kind, pixels)))
    decode(small, min_side_px)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    picture = decode(large, min_side_px)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit
    return peak / (picture.width_px * picture.height_px)


KINDS = (
    *("JPEG/RGB", "JPEG/CMYK", "JPEG/RGB/progressive=1"),
    *("PNG/RGB", "PNG/RGBA", "PNG/P", "PNG/I;16", "GIF/P", "BMP/RGB"),
    *("TIFF/RGB", "TIFF/RGB/compression=tiff_lzw", "TIFF/RGB/compression=jpeg", "TIFF/RGBA"),
    *("TIFF/I;16", "TIFF/F", "TIFF/LAB", "TIFF/CMYK/compression=tiff_deflate"),
    *("WEBP/RGB", "WEBP/RGBA", "AVIF/RGB", "AVIF/RGBA", "JPEG2000/RGB"),
)


def measure_memory(pixels: int) -> None:
    for kind in KINDS:
        figures = []
        for min_side_px in (224, 100_000):
            # not in a pool, whose workers may not start processes
            receiver, sender = multiprocessing.Pipe(duplex=False)
            process = multiprocessing.get_context("spawn").Process(
                target=_send_peak, args=(sender, kind, pixels, min_side_px)
            )
            process.start()
            sender.close()
            figures.append(receiver.recv())
            process.join()
        print(f"{kind:36} {figures[0]:5.1f} bytes/px shrunk to 448, {figures[1]:5.1f} as it is")


def _send_peak(sender: object, kind: str, pixels: int, min_side_px: int) -> None:
    sender.send(peak_bytes_per_px(kind, pixels, min_side_px))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--photo", type=Path, help="a JPEG to use")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--megapixels", type=int, default=36, help="for --memory")
    options = parser.parse_args()
    if options.memory:
        measure_memory(options.megapixels * 10**6)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = options.photo or Path(folder) / "photo.jpg"
        if not options.photo:
            make_photo(path, seed=0)
        data = path.read_bytes()
    print(f"{len(data) / 1e6:.1f} MB")
    measure_time(data, options.rounds)
    measure_threads(data, 4 * options.rounds)


if __name__ == "__main__":
    main()
