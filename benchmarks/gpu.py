"""What a GPU reaches: ViT-L/14 at 224 and 336 pixels, inference and end to end, against torch.

    python benchmarks/gpu.py                     everything; on a machine with an NVIDIA GPU
    python benchmarks/gpu.py --quick             a small tower and few photos, to see that it runs

The ceiling is the fastest half-precision matrix product that torch reaches on this GPU, measured in
the same run. Inference: torch in half precision, eager and compiled, and geotagger's sessions on
CUDA (a graph in half precision) and TensorRT. End to end: 12-MP JPEGs from disk to the report, with
the share of time in which the GPU had nothing to do, beside decoding alone. Random weights are as
fast as others. Without a GPU it says so and measures nothing (exit code 2).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import mean, median
from typing import Any

import click
import numpy as np
import torch
from photos import make_folder
from towers import make_bundle, make_tower

from geotagger import images, pipeline
from geotagger.errors import DeviceError
from geotagger.photos import walk
from geotagger.vision.bundle import load_bundle
from geotagger.vision.devices import PROVIDERS
from geotagger.vision.session import Session

WIDTH, PATCH_PX, LAYERS = 1024, 14, 24


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
    import onnxruntime as ort

    if PROVIDERS["cuda"] not in ort.get_available_providers():
        click.echo("this onnxruntime is built without CUDA: install onnxruntime-gpu", err=True)
        sys.exit(2)
    layers, count, seconds = (2, 64, 1.0) if quick else (LAYERS, count, seconds)
    told: dict[str, Any] = {
        "gpu": torch.cuda.get_device_name(),
        "cores": pipeline.cores(),
        "ceiling_tflops": ceiling(seconds),
        "sizes": {},
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = make_folder(Path(scratch) / "photos", count)
        told["decoding_photos_per_s"] = decoding(folder, min(count, 400))
        for size_px in map(int, sizes.split(",")):
            told["sizes"][size_px] = one_size(
                Path(scratch), folder, size_px, layers, batch_size, seconds
            )
    if as_json:
        click.echo(json.dumps(told))
        return
    click.echo(
        f"{told['gpu']}, {told['cores']} cores; matrix products {told['ceiling_tflops']:.0f} "
        f"TFLOP/s; decoding alone {told['decoding_photos_per_s']:.0f} photos/s"
    )
    for size_px, ways in told["sizes"].items():
        flop = flop_of(size_px, layers)
        for way, figures in ways.items():
            rate = figures.get("photos_per_s")
            if rate is None:
                click.echo(f"{size_px} px  {way:22} {figures['problem']}")
                continue
            share = rate * flop / 1e12 / told["ceiling_tflops"]
            idle = f", GPU idle {figures['idle']:.0%}" if "idle" in figures else ""
            click.echo(f"{size_px} px  {way:22} {rate:8.0f} photos/s {share:5.0%} of ceiling{idle}")


def one_size(
    scratch: Path, folder: Path, size_px: int, layers: int, batch_size: int, seconds: float
) -> dict[str, dict[str, Any]]:
    pixels = np.random.default_rng(0).integers(0, 256, (batch_size, size_px, size_px, 3), np.uint8)
    ways: dict[str, dict[str, Any]] = {}
    tower = make_tower(size_px, layers, half=True).cuda()
    for name, network in (("torch eager", tower), ("torch compiled", torch.compile(tower))):
        rate = per_second(lambda network=network: torch_run(network, pixels), batch_size, seconds)
        ways[name] = {"photos_per_s": rate}
    del tower
    torch.cuda.empty_cache()
    for device, half in (("cuda", True), ("tensorrt", False)):
        bundle = make_bundle(scratch / f"{device}{size_px}", size_px, layers, half)
        try:
            session = Session(load_bundle(bundle), device, batch_size)
        except DeviceError as error:
            ways[device] = {"problem": str(error)}
            continue
        rate = per_second(lambda session=session: session.run(pixels), batch_size, seconds)
        ways[device] = {"photos_per_s": rate}
        del session
        ways[f"{device} end to end"] = end_to_end(scratch, folder, bundle, device, batch_size)
    return ways


def torch_run(network: Any, pixels: np.ndarray) -> np.ndarray:
    """As a session: pixels from the computer's memory, scores back into it."""
    with torch.inference_mode():
        return network(torch.from_numpy(pixels).cuda()).cpu().numpy()


def per_second(run: Callable[[], object], photos: int, seconds: float) -> float:
    """Median over the batches of so many seconds, after three that warm up."""
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
    """Of one photo: the matrix products of the transformer, and the patches."""
    tokens = (size_px // PATCH_PX) ** 2 + 1
    layer = 2 * 12 * WIDTH**2 * tokens + 2 * 2 * tokens**2 * WIDTH
    return layers * layer + 2 * tokens * 3 * PATCH_PX**2 * WIDTH


def decoding(folder: Path, count: int) -> float:
    files = [photo.path for photo in islice(walk([folder]), count)]
    started = time.perf_counter()
    with ThreadPoolExecutor(pipeline.cores()) as pool:
        list(pool.map(lambda path: images.decode(path.read_bytes(), 336), files))
    return count / (time.perf_counter() - started)


def end_to_end(
    scratch: Path, folder: Path, bundle: Path, device: str, batch_size: int
) -> dict[str, Any]:
    options = pipeline.RunOptions(
        paths=(folder,),
        reports=(scratch / "report.csv",),
        models=(str(bundle),),
        device=device,
        batch_size=batch_size,
        read_text=False,
    )
    first: list[float] = []
    with Usage() as usage:

        def note(_: object) -> None:
            if not first:
                usage.samples.clear()  # loading, and TensorRT's planning, are over
                first.append(time.perf_counter())

        summary = pipeline.run(options, note)
        elapsed_s = time.perf_counter() - first[0]
    idle = 1 - mean(usage.samples) / 100 if usage.samples else float("nan")
    return {"photos_per_s": (summary.photos - batch_size) / elapsed_s, "idle": idle}


class Usage:
    """Samples of the first GPU's use in per cent, ten a second, as nvidia-smi tells it."""

    def __enter__(self) -> Usage:
        self.samples: list[float] = []
        command = ["nvidia-smi", "--id=0", "--query-gpu=utilization.gpu", "--loop-ms=100"]
        command.append("--format=csv,noheader,nounits")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.thread = threading.Thread(target=self._read)
        self.thread.start()
        return self

    def _read(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.samples.append(float(line))

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        self.thread.join()


if __name__ == "__main__":
    main()
