"""Devices that ONNX Runtime may run on, and sessions that run on the one that was asked for."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime as ort

from geotagger.errors import DeviceError

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Devices, best first, and what ONNX Runtime calls them."""

_FATAL, _WARNING = 4, 2  # severities of ONNX Runtime's log


def candidates(device: str) -> list[str]:
    """The devices to try, in order; only those that this onnxruntime was built for."""
    if device != "auto" and device not in PROVIDERS:
        raise DeviceError(f"device {device!r} is not known; take auto, {', '.join(PROVIDERS)}")
    built_for = ort.get_available_providers()
    if device == "auto":
        return [name for name, provider in PROVIDERS.items() if provider in built_for]
    if PROVIDERS[device] not in built_for:
        raise DeviceError(
            f"device {device}: the installed onnxruntime is built without it; install "
            "the onnxruntime package that has it, or take --device cpu"
        )
    return [device]


def open_session(model_file: Path, device: str, threads: int = 1, *, exact: bool = False) -> Any:
    """A session that runs on `device` first; falling back to another is an error.

    Args:
        threads: processors that work together on one run; photos run side by side need but one.
        exact: multiply in float32 also where the device has something faster and coarser.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    ort.disable_telemetry_events()  # Windows builds report what they run unless told not to
    with _quiet():
        if device in ("tensorrt", "cuda"):
            ort.preload_dlls()
        session = ort.InferenceSession(
            model_file, options, providers=_providers(device, exact), enable_fallback=0
        )
    if session.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(
            f"device {device}: ONNX Runtime cannot start it here; install the driver and the "
            "libraries that it needs (pip install 'onnxruntime-gpu[cuda,cudnn]'), "
            "or take --device cpu"
        )
    return session


def _providers(device: str, exact: bool) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's providers for a device; nodes that one cannot run go to the next."""
    options = {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0" if exact else "1"}
    cuda = (PROVIDERS["cuda"], options)
    cpu: tuple[str, dict[str, str]] = (PROVIDERS["cpu"], {})
    if device == "tensorrt":
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        engines = {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(cache / "geotagger" / "tensorrt"),
        }
        return [(PROVIDERS[device], engines), cuda, cpu]
    if device == "cuda":
        return [cuda, cpu]
    return [cpu] if device == "cpu" else [(PROVIDERS[device], {}), cpu]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what ONNX Runtime prints of devices that are not there; we say it ourselves."""
    ort.set_default_logger_severity(_FATAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(_WARNING)
