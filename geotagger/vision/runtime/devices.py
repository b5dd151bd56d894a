"""Devices that ONNX Runtime may run on, and sessions that run on the one that was asked for."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime as ort
from platformdirs import user_cache_path

from geotagger.errors import DeviceError

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Devices, best first, and what ONNX Runtime calls them."""

_NVIDIA = ("tensorrt", "cuda")

_FATAL, _WARNING = 4, 2  # severities of ONNX Runtime's log


def candidates(device: str) -> list[str]:
    """The devices to try, in order; only those that this onnxruntime was built for."""
    if device != "auto" and device not in PROVIDERS:
        raise DeviceError(f"device {device!r} is not known; take auto, {', '.join(PROVIDERS)}")
    built_for = ort.get_available_providers()
    if device == "auto":
        missing = () if _has_nvidia_driver() else _NVIDIA
        return [
            name
            for name, provider in PROVIDERS.items()
            if provider in built_for and name not in missing
        ]
    if PROVIDERS[device] not in built_for:
        raise DeviceError(
            f"device {device}: the installed onnxruntime is built without it; install "
            "the onnxruntime package that has it, or take --device cpu"
        )
    return [device]


def _has_nvidia_driver() -> bool:
    """Without it CUDA cannot run, and to find that out by loading CUDA costs 200 MB for good."""
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def gpus(device: str) -> list[int]:
    """The numbers of the GPUs of that kind; [0] for a device of which there is but one."""
    if device not in _NVIDIA:
        return [0]
    found = [one for one in ort.get_ep_devices() if one.ep_name == PROVIDERS["cuda"]]
    return list(range(len(found))) or [0]


def memory(device: str) -> str:
    """The memory in which its buffers lie, as ONNX Runtime calls it."""
    return "cuda" if device in _NVIDIA else "cpu"


def cuda_graphs() -> bool:
    """Whether CUDA records a network's launches and replays them: GEOTAGGER_CUDA_GRAPHS=1.

    Off unless asked for, because nobody has measured yet that it pays (`benchmarks/speed/gpu.py`
    does).
    """
    return os.environ.get("GEOTAGGER_CUDA_GRAPHS") == "1"


def open_session(
    model_file: Path,
    device: str,
    threads: int = 1,
    *,
    exact: bool = False,
    gpu: int = 0,
    cuda_graphs: bool = False,
    patterns: bool = True,
) -> Any:
    """A session that runs on `device` first; falling back to another is an error.

    Args:
        gpu: which one of several.
        threads: processors that work together on one run; photos run side by side need but one.
        exact: multiply in float32 also where the device has something faster and coarser.
        cuda_graphs: see there; such a session runs on bound buffers alone.
        patterns: keep for each shape of input one block of memory for all that a run needs. Quicker
            where few shapes come, but where each picture has its own they add up.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = patterns
    ort.disable_telemetry_events()  # Windows builds report what they run unless told not to
    with _quiet():
        if device in _NVIDIA:
            ort.preload_dlls()
        session = ort.InferenceSession(
            model_file,
            options,
            providers=_providers(device, exact, gpu, cuda_graphs),
            enable_fallback=0,
        )
    if session.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(
            f"device {device}: ONNX Runtime cannot start it here; install the driver and the "
            "libraries that it needs (pip install 'onnxruntime-gpu[cuda,cudnn]'), "
            "or take --device cpu"
        )
    return session


def _providers(
    device: str, exact: bool, gpu: int, cuda_graphs: bool
) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's providers for a device; nodes that one cannot run go to the next.

    TensorRT multiplies in half precision, and keeps its engines: building one takes minutes.
    """
    options = {
        "device_id": str(gpu),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0" if exact else "1",
        "enable_cuda_graph": "1" if cuda_graphs else "0",
    }
    cuda = (PROVIDERS["cuda"], options)
    cpu: tuple[str, dict[str, str]] = (PROVIDERS["cpu"], {})
    if device == "tensorrt":
        cache = str(user_cache_path("geotagger", appauthor=False) / "tensorrt")
        engines = {
            "device_id": str(gpu),
            "trt_fp16_enable": "0" if exact else "1",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": cache,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": cache,
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
