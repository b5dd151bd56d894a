"""The devices that ONNX Runtime was built for, and whether they compute."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import resources

import numpy as np

from geotagger.doctor.report import Finding, State, said
from geotagger.errors import DeviceError
from geotagger.vision.runtime.devices import PROVIDERS, candidates, open_session

NVIDIA = ("tensorrt", "cuda")


def devices() -> Iterator[Finding]:
    """Each device multiplies two small matrices; only the CPU must. Then the GPUs' memory."""
    for device in candidates("auto"):
        yield _device(device)
    yield from _gpus()


def _device(device: str) -> Finding:
    state = State.BROKEN if device == "cpu" else State.ABSENT
    if device in NVIDIA and shutil.which("nvidia-smi") is None:
        return Finding("devices", device, state, "no NVIDIA driver is installed")
    try:
        multiply(device)
    except DeviceError as error:
        problem, _, remedy = str(error).removeprefix(f"device {device}: ").partition("; ")
        return Finding("devices", device, state, problem, remedy)
    except Exception as error:  # ONNX Runtime's errors share no other base class
        detail = f"does not run: {' '.join(str(error).split())[:200]}"
        remedy = "install the libraries that it needs, or take another --device"
        return Finding("devices", device, state, detail, remedy)
    return Finding("devices", device, State.OK, f"runs ({PROVIDERS[device]})")


def multiply(device: str) -> None:
    """Raises DeviceError: the device does not run, or gives wrong numbers."""
    with resources.as_file(resources.files("geotagger.data") / "match.onnx") as file:
        session = open_session(file, device, exact=True)
    fed = {
        "embedding": np.array([[3, 4]], np.float32),
        "gallery": np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32),
        "scale": np.array(2, np.float32),
        "log_weight": np.zeros(3, np.float32),
        "log_prior": np.zeros(3, np.float32),
        "k": np.array([1], np.int64),
    }
    logits, rows = session.run(["logits", "rows"], fed)
    if not np.allclose(logits, [[6, 8, 10]], rtol=1e-3) or rows[0, 0] != 2:
        raise DeviceError(f"device {device}: gives wrong numbers; take another --device")


def _gpus() -> Iterator[Finding]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    asked = "--query-gpu=name,memory.total,memory.free,driver_version"
    for line in said(program, asked, "--format=csv,noheader").splitlines():
        name, total, free, driver = (cell.strip() for cell in f"{line},,,".split(",")[:4])
        detail = f"{total}, {free} free, driver {driver}"
        yield Finding("devices", name or "GPU", State.OK, detail)
