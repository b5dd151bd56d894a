"""Checks of the devices that ONNX Runtime was built for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib import resources

import numpy as np

from geotagger.config import Device
from geotagger.doctor.finding import CheckFinding, CheckState, program_output
from geotagger.errors import DeviceError
from geotagger.vision.runtime.devices import (
    NVIDIA_DEVICES,
    PROVIDERS,
    candidate_devices,
    open_session,
)


def devices() -> Iterator[CheckFinding]:
    """Multiply two small matrices on each device; only the CPU has to work. Then list the GPUs."""
    for device in candidate_devices(Device.AUTO):
        yield _device(device)
    yield from _gpus()


def _device(device: Device) -> CheckFinding:
    failed = CheckState.BROKEN if device is Device.CPU else CheckState.ABSENT
    if device in NVIDIA_DEVICES and shutil.which("nvidia-smi") is None:
        return CheckFinding("devices", device, failed, "no NVIDIA driver is installed")
    try:
        multiply(device)
    except DeviceError as error:
        problem, _, remedy = str(error).removeprefix(f"device {device}: ").partition("; ")
        return CheckFinding("devices", device, failed, problem, remedy)
    except Exception as error:  # ONNX Runtime's errors have no common base class
        detail = f"does not run: {' '.join(str(error).split())[:200]}"
        remedy = "install the libraries that it needs, or use another --device"
        return CheckFinding("devices", device, failed, detail, remedy)
    return CheckFinding("devices", device, CheckState.OK, f"runs ({PROVIDERS[device]})")


def multiply(device: Device) -> None:
    """Match one embedding against three gallery vectors.

    Raises:
        DeviceError: the device does not run, or gives wrong numbers.
    """
    with resources.as_file(resources.files("geotagger.data") / "match.onnx") as file:
        session = open_session(file, device, exact=True)
    inputs = {
        "embedding": np.array([[3, 4]], np.float32),
        "gallery": np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32),
        "scale": np.array(2, np.float32),
        "log_weight": np.zeros(3, np.float32),
        "log_prior": np.zeros(3, np.float32),
        "k": np.array([1], np.int64),
    }
    logits, rows = session.run(["logits", "rows"], inputs)
    if not np.allclose(logits, [[6, 8, 10]], rtol=1e-3) or rows[0, 0] != 2:
        raise DeviceError(f"device {device}: gives wrong numbers; use another --device")


def _gpus() -> Iterator[CheckFinding]:
    """Memory and driver of each NVIDIA GPU."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return
    query = "--query-gpu=name,memory.total,memory.free,driver_version"
    for line in program_output(program, query, "--format=csv,noheader").splitlines():
        name, total, free, driver = (cell.strip() for cell in f"{line},,,".split(",")[:4])
        detail = f"{total}, {free} free, driver {driver}"
        yield CheckFinding("devices", name or "GPU", CheckState.OK, detail)
