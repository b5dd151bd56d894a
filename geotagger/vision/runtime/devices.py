"""The devices that ONNX Runtime can run on, and sessions that run on exactly the chosen one.

ONNX Runtime calls them execution providers:
https://onnxruntime.ai/docs/execution-providers/
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import onnxruntime as ort
from platformdirs import user_cache_path

from geotagger.config import Device
from geotagger.errors import DeviceError
from geotagger.heap import trim_heap

PROVIDERS = {
    Device.TENSORRT: "TensorrtExecutionProvider",
    Device.CUDA: "CUDAExecutionProvider",
    Device.COREML: "CoreMLExecutionProvider",
    Device.OPENVINO: "OpenVINOExecutionProvider",
    Device.CPU: "CPUExecutionProvider",
}
"""ONNX Runtime's name of each device, best device first."""

NVIDIA_DEVICES = (Device.TENSORRT, Device.CUDA)

_FATAL, _WARNING = 4, 2  # severities of ONNX Runtime's log


def candidate_devices(device: str) -> list[Device]:
    """The devices to try, in order: the given one, or for `auto` all that may run here.

    Raises:
        DeviceError: the device is unknown, or the installed onnxruntime is built without it.
    """
    wanted = Device.parse(device)
    built_for = ort.get_available_providers()
    if wanted is Device.AUTO:
        missing = () if _has_nvidia_driver() else NVIDIA_DEVICES
        return [
            name
            for name, provider in PROVIDERS.items()
            if provider in built_for and name not in missing
        ]
    if PROVIDERS[wanted] not in built_for:
        raise DeviceError(
            f"device {device}: the installed onnxruntime is built without it; install "
            "the onnxruntime package that has it, or use --device cpu"
        )
    return [wanted]


def _has_nvidia_driver() -> bool:
    """CUDA needs the driver. Loading CUDA to find that out would cost 200 MB of memory for good."""
    try:
        ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
    except OSError:
        return False
    return True


def gpu_ids(device: str) -> list[int]:
    """The ids of the GPUs of an NVIDIA device; [0] for any other device."""
    if device not in NVIDIA_DEVICES:
        return [0]
    gpus = [gpu for gpu in ort.get_ep_devices() if gpu.ep_name == PROVIDERS[Device.CUDA]]
    return list(range(len(gpus))) or [0]


def memory_kind(device: str) -> str:
    """ONNX Runtime's name of the memory in which the device's buffers are."""
    return "cuda" if device in NVIDIA_DEVICES else "cpu"


def cuda_graphs_enabled() -> bool:
    """Whether CUDA records a network's launches and replays them: GEOTAGGER_CUDA_GRAPHS=1.

    Off by default, because no measurement shows yet that it pays (`benchmarks/speed/gpu.py`
    measures it).
    """
    return os.environ.get("GEOTAGGER_CUDA_GRAPHS") == "1"


def open_session(
    model_file: Path | bytes,
    device: str,
    threads: int = 1,
    *,
    exact: bool = False,
    gpu: int = 0,
    cuda_graphs: bool = False,
    memory_pattern: bool = True,
) -> Any:
    """Open a session of ONNX Runtime that runs on `device`; it never falls back to another.

    Args:
        model_file: the ONNX graph, or its bytes.
        device: a concrete device, not `auto`.
        threads: CPU threads that share one run. Photos that run in parallel need only one each.
        exact: compute in float32 even if the device has a faster, coarser arithmetic.
        gpu: the id of the GPU, if there are several.
        cuda_graphs: see `cuda_graphs_enabled`. Such a session needs bound buffers (`IoBinding`).
        memory_pattern: plan one block of memory for each input shape. Faster for few shapes; with
            a new shape for every picture the blocks add up.

    Returns:
        An `onnxruntime.InferenceSession`.

    Raises:
        DeviceError: ONNX Runtime cannot start the device.
    """
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = memory_pattern
    if device == Device.CPU:
        _share_arena()
        options.add_session_config_entry("session.use_env_allocators", "1")
    ort.disable_telemetry_events()  # Windows builds send telemetry by default
    with _quiet():
        if device in NVIDIA_DEVICES:
            ort.preload_dlls()
        session = ort.InferenceSession(
            model_file,
            options,
            providers=_providers(Device(device), exact, gpu, cuda_graphs),
            enable_fallback=0,
        )
    if session.get_providers()[0] != PROVIDERS[Device(device)]:
        raise DeviceError(
            f"device {device}: ONNX Runtime cannot start it here; install the driver and the "
            "libraries that it needs (pip install 'onnxruntime-gpu[cuda,cudnn]'), "
            "or use --device cpu"
        )
    trim_heap()  # loading leaves free as much as the weights take
    return session


@cache
def _share_arena() -> None:
    """Let all sessions on the CPU use one arena of memory.

    An arena keeps what its largest run needed. Networks run one after the other, so one arena
    holds what the largest of them needs, and not the sum.
    """
    memory = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    ort.create_and_register_allocator(memory, ort.OrtArenaCfg({}))


def _providers(
    device: Device, exact: bool, gpu: int, cuda_graphs: bool
) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's providers for a device; the next one runs the nodes that one cannot run.

    TensorRT computes in half precision, and its engines are kept: building one takes minutes.
    """
    cuda_options = {
        "device_id": str(gpu),
        "arena_extend_strategy": "kSameAsRequested",
        "cudnn_conv_algo_search": "HEURISTIC",
        "use_tf32": "0" if exact else "1",
        "enable_cuda_graph": "1" if cuda_graphs else "0",
    }
    cuda = (PROVIDERS[Device.CUDA], cuda_options)
    cpu: tuple[str, dict[str, str]] = (PROVIDERS[Device.CPU], {})
    if device is Device.TENSORRT:
        cache_folder = str(user_cache_path("geotagger", appauthor=False) / "tensorrt")
        tensorrt_options = {
            "device_id": str(gpu),
            "trt_fp16_enable": "0" if exact else "1",
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": cache_folder,
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": cache_folder,
        }
        return [(PROVIDERS[device], tensorrt_options), cuda, cpu]
    if device is Device.CUDA:
        return [cuda, cpu]
    return [cpu] if device is Device.CPU else [(PROVIDERS[device], {}), cpu]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence ONNX Runtime's messages about missing devices; `DeviceError` replaces them."""
    ort.set_default_logger_severity(_FATAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(_WARNING)
