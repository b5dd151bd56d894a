"""Throughput on a GPU: ViT-L/14 at 224 and 336 pixels, inference and end to end, with torch.

    python -m benchmarks.speed.gpu                     everything, on a machine with an NVIDIA GPU
    python -m benchmarks.speed.gpu --quick             a small tower and few photos, as a check
    python -m benchmarks.speed.gpu --sizes 224         one size only

The ceiling is the fastest half-precision matrix product of torch on this GPU, measured in the same
run. Inference: torch in half precision, eager and compiled, and geotagger's sessions: CUDA in half
precision, the same with CUDA graphs, CUDA in float32, and TensorRT with the fused and the plain
graph. End to end: 12-MP JPEGs from disk to the report, with the share of time in which the GPU was
idle, and decoding only on all cores. Then JPEG decoding on the GPU. The weights are random, which
does not change the speed. A part that cannot run prints the reason. Without a GPU nothing is
measured (exit code 2).
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import click
import numpy as np
import torch

from benchmarks.fixtures.photos import make_folder
from benchmarks.fixtures.towers import LAYERS, PATCH_PX, WIDTH, make_bundle, make_tower
from benchmarks.speed import gpu_decode
from geotagger.config import RunOptions, cores
from geotagger.evidence.source import LoadedPhoto
from geotagger.images.decode import InputSpec, fit
from geotagger.images.scan import walk
from geotagger.pipeline import run as pipeline
from geotagger.pipeline.prepare import prepare
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.runtime.session import VisionSession

Figures = dict[str, Any]

WAYS = {
    # name: device, half, fused, CUDA graphs
    "cuda": ("cuda", True, True, False),
    "cuda, CUDA graphs": ("cuda", True, True, True),
    "cuda, float32": ("cuda", False, True, False),
    "tensorrt": ("tensorrt", False, True, False),
    "tensorrt, plain graph": ("tensorrt", False, False, False),
}


@click.command(help=__doc__)
@click.option("--sizes", default="224,336", show_default=True)
@click.option("--batch-size", default=128, show_default=True)
@click.option("--photos", "count", default=2000, show_default=True, help="12-MP JPEGs end to end.")
@click.option("--seconds", default=5.0, show_default=True, help="For each figure.")
@click.option("--quick", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    sizes: str, batch_size: int, count: int, seconds: float, quick: bool, as_json: bool
) -> None:
    if not torch.cuda.is_available():
        click.echo("no NVIDIA GPU that torch can use is here: nothing was measured", err=True)
        sys.exit(2)
    layers, count, seconds = (2, 400, 1.0) if quick else (LAYERS, count, seconds)
    run = Run(batch_size, layers, seconds, as_json)
    results: Figures = {
        "gpu": torch.cuda.get_device_name(),
        "cores": cores(),
        "ceiling_tflops": ceiling(seconds),
        "sizes": {},
    }
    run.print(f"{results['gpu']}, {results['cores']} cores")
    run.print(f"half-precision matrix products: {results['ceiling_tflops']:.0f} TFLOP/s")
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_folder(Path(scratch) / "photos", count)
        results["gpu_decoding"] = gpu_decode.measure(folder, min(count, 400))
        for line in gpu_decode.lines_of(results["gpu_decoding"]):
            run.print(f"decoding  {line}")
        for size_px in map(int, sizes.split(",")):
            rate = decoding(folder, min(count, 400), size_px)
            results["decoding_photos_per_s"] = rate
            run.print(f"{size_px} px  decoding alone on all cores {rate:8.0f} photos/s")
            results["sizes"][size_px] = ways = {}
            for name, figures in one_size(Path(scratch), folder, size_px, run):
                ways[name] = figures
                run.print(f"{size_px} px  {line_of(name, figures, size_px, layers, results)}")
    if as_json:
        click.echo(json.dumps(results))


@dataclass(frozen=True)
class Run:
    """Settings of all measurements."""

    batch_size: int
    layers: int
    seconds: float
    as_json: bool

    def print(self, line: str) -> None:
        """Print a line at once, so a run that is stopped has shown its results."""
        click.echo(line, err=self.as_json)


def line_of(name: str, figures: Figures, size_px: int, layers: int, results: Figures) -> str:
    if "problem" in figures:
        return f"{name:34} {figures['problem']}"
    rate = figures["photos_per_s"]
    share = rate * flop_of(size_px, layers) / 1e12 / results["ceiling_tflops"]
    line = f"{name:34} {rate:8.0f} photos/s {100 * share:4.0f} % of ceiling"
    if name.endswith("end to end"):
        line += f", {rate / results['decoding_photos_per_s']:.2f} of decoding alone"
    return line + (f", GPU idle {100 * figures['idle']:.0f} %" if "idle" in figures else "")


def one_size(scratch: Path, folder: Path, size_px: int, run: Run) -> Iterator[tuple[str, Figures]]:
    shape = (run.batch_size, size_px, size_px, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for name, compiled in (("torch eager", False), ("torch compiled", True)):
        yield name, tried(lambda compiled=compiled: of_torch(pixels, size_px, compiled, run))
        torch.cuda.empty_cache()
    for name, (device, half, fused, graphs) in WAYS.items():
        bundle = scratch / f"tower{size_px}-{half}-{fused}"
        with cuda_graphs(graphs):

            def made(bundle: Path = bundle, half: bool = half, fused: bool = fused) -> Path:
                ready = (bundle / "card.json").exists()
                return bundle if ready else make_bundle(bundle, size_px, run.layers, half, fused)

            def alone(device: str = device, made: Callable[[], Path] = made) -> Figures:
                return of_session(pixels, made(), device, run)

            def whole(device: str = device, made: Callable[[], Path] = made) -> Figures:
                return end_to_end(scratch, folder, made(), device, run)

            figures = tried(alone)
            yield name, figures
            if "problem" not in figures:
                yield f"{name}, end to end", tried(whole)


def tried(measure: Callable[[], Figures]) -> Figures:
    """The figures, or the error: drivers, compilers and libraries raise errors of many kinds, and
    none of them should end the run."""
    try:
        return measure()
    except Exception as error:
        return {"problem": " ".join(str(error).split())[:300] or repr(error)}


@contextlib.contextmanager
def cuda_graphs(on: bool) -> Iterator[None]:
    os.environ["GEOTAGGER_CUDA_GRAPHS"] = "1" if on else "0"
    try:
        yield
    finally:
        del os.environ["GEOTAGGER_CUDA_GRAPHS"]


def of_torch(pixels: np.ndarray, size_px: int, compiled: bool, run: Run) -> Figures:
    """Torch, with pixels and scores in host memory, as in a session."""
    network: Any = make_tower(size_px, run.layers, half=True).cuda()
    if compiled:
        network = torch.compile(network)

    def infer() -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(pixels).cuda()).cpu().numpy()

    return {"photos_per_s": per_second(infer, len(pixels), run.seconds)}


def of_session(pixels: np.ndarray, bundle: Path, device: str, run: Run) -> Figures:
    session = VisionSession(load_bundle(bundle), device, run.batch_size)
    return {
        "photos_per_s": per_second(lambda: session.run(pixels), len(pixels), run.seconds),
        "batch_size": session.batch_size,
    }


def per_second(run: Callable[[], object], photos: int, seconds: float) -> float:
    """Photos/s: median over the batches of `seconds` seconds, after three to warm up."""
    for _ in range(3):
        run()
    times: list[float] = []
    while sum(times) < seconds or len(times) < 3:
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return photos / median(times)


def ceiling(seconds: float, side: int = 8192) -> float:
    """TFLOP/s of half-precision matrix products."""
    a, b = (torch.randn(side, side, device="cuda", dtype=torch.float16) for _ in range(2))

    def product() -> None:
        for _ in range(10):
            torch.mm(a, b)
        torch.cuda.synchronize()

    return per_second(product, 10, seconds) * 2 * side**3 / 1e12


def flop_of(size_px: int, layers: int) -> float:
    """Floating-point operations for one photo: the matrix products of transformer and patches."""
    tokens = (size_px // PATCH_PX) ** 2 + 1
    layer = 2 * 12 * WIDTH**2 * tokens + 2 * 2 * tokens**2 * WIDTH
    return layers * layer + 2 * tokens * 3 * PATCH_PX**2 * WIDTH


@dataclass(frozen=True)
class Squares:
    """A source that prepares pixels and runs no network."""

    min_side_px: int
    name: str = "vision"
    model_id: str = ""

    def prepare(self, photo: LoadedPhoto) -> np.ndarray:
        return fit(
            photo.picture(self.min_side_px).image, InputSpec(self.min_side_px, "crop", "bicubic")
        )


def decoding(folder: Path, count: int, size_px: int) -> float:
    """Photos/s of the workers on all cores: read, hash, read metadata, decode, shrink."""
    photos = list(islice(walk([folder]), count))
    source: Any = Squares(size_px)
    with ThreadPoolExecutor(cores()) as pool:
        started = time.perf_counter()
        done = list(pool.map(lambda photo: prepare(photo, [source], RunOptions(paths=())), photos))
        elapsed_s = time.perf_counter() - started
    assert all(item.inputs for item in done)
    return len(photos) / elapsed_s


def end_to_end(scratch: Path, folder: Path, bundle: Path, device: str, run: Run) -> Figures:
    """Photos/s beyond the first batch: start-up and shut-down, in both runs, are subtracted.

    The idle time of the GPU counts from the first finished photo.
    """
    files = tuple(photo.path for photo in walk([folder]))
    options = RunOptions(
        paths=files[: run.batch_size],
        reports=(scratch / "report.csv",),
        models=(str(bundle),),
        device=device,
        batch_size=run.batch_size,
        read_text=False,
    )
    few_s = pipeline.run(options).seconds
    with Usage() as usage:
        seen: list[object] = []

        def note(outcome: object) -> None:
            if not seen:
                usage.samples.clear()
                seen.append(outcome)

        all_s = pipeline.run(replace(options, paths=files), note).seconds
    if all_s <= few_s:
        return {"problem": "too few photos to tell"}
    figures: Figures = {"photos_per_s": (len(files) - run.batch_size) / (all_s - few_s)}
    if usage.samples:
        figures["idle"] = 1 - mean(usage.samples) / 100
    return figures


class Usage:
    """Samples of the first GPU's utilisation in per cent, ten a second, from nvidia-smi.

    Empty where nvidia-smi is missing or reports none.
    """

    def __enter__(self) -> Usage:
        self.samples: list[float] = []
        command = ["nvidia-smi", "--id=0", "--query-gpu=utilization.gpu", "--loop-ms=100"]
        command.append("--format=csv,noheader,nounits")
        self.process: subprocess.Popen[str] | None = None
        with contextlib.suppress(FileNotFoundError):
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.thread = threading.Thread(target=self._read)
            self.thread.start()
        return self

    def _read(self) -> None:
        assert self.process
        assert self.process.stdout
        for line in self.process.stdout:
            with contextlib.suppress(ValueError):
                self.samples.append(float(line))

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait()
            self.thread.join()


if __name__ == "__main__":
    main()
