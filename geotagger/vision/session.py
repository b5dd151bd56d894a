"""Runs a bundle's network on a device, in batches, and never on another device than it says."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from geotagger.errors import BundleError, DeviceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.vision.bundle import ModelBundle

INPUT_NAME = "pixels"

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
"""Devices, best first, and what ONNX Runtime calls them."""

_CPU_BATCH = 2
"""For each thread. Measured: larger batches leave the processor's cache and cost up to 40 % more a
photo."""
_OTHER_BATCH = 64
_OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "bad_alloc", "bad allocation")
_FATAL, _WARNING = 4, 2  # severities of ONNX Runtime's log


class Session:
    """A loaded model.

    Attributes:
        device: what it runs on: tensorrt, cuda, coreml or cpu.
        batch_size: photos that run at once; halved whenever the memory runs out.

    On the CPU each thread runs photos of its own, so none waits for another inside the network.
    """

    def __init__(
        self, bundle: ModelBundle, device: str = "auto", batch_size: int = 0, threads: int = 1
    ) -> None:
        """Load the model and run it once.

        Args:
            bundle: what to run.
            device: one of PROVIDERS, or auto for the first of them that truly works.
            batch_size: photos at once; 0 for the default of the device.
            threads: photos that run side by side on the CPU.

        Raises:
            BundleError: the model does not load, or is not what its card says.
            DeviceError: the device that was asked for does not run the model.
        """
        self._bundle = bundle
        self._outputs = [head.output for head in bundle.card.heads]
        self._widths = [bundle.width(head) for head in bundle.card.heads]
        *others, last = _candidates(device)
        for name in others:
            try:
                self._start(name, batch_size, 1)
            except DeviceError:
                continue
            return
        self._start(last, batch_size, threads if last == "cpu" else 1)

    def run(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """Outputs [n, width] of every head, in the order of the card, for pixels [n, S, S, 3].

        A batch that does not fit into memory is halved and run again. Values that are not finite
        are handed on: they concern their own photo alone.

        Raises:
            BundleError: an output has another shape than the card says.
            DeviceError: the device fails, or has no memory even for one photo.
        """
        parts = [[np.empty((0, width), np.float32)] for width in self._widths]
        start = 0
        while start < len(pixels):
            batch = pixels[start : start + self.batch_size]
            chunks = np.array_split(batch, min(self._threads, len(batch)))
            try:
                results = list(self._pool.map(self._infer, chunks))
            except Exception as error:  # ONNX Runtime's errors share no other base class
                self._shrink_or_raise(error)
                continue
            for chunk, outputs in zip(chunks, results, strict=True):
                self._check_shapes(outputs, len(chunk))
                for part, output in zip(parts, outputs, strict=True):
                    part.append(output)
            start += len(batch)
        return tuple(np.concatenate(part) for part in parts)

    def _check_shapes(self, outputs: list[NDArray[np.float32]], count: int) -> None:
        for output, width in zip(outputs, self._widths, strict=True):
            if output.shape != (count, width):
                raise self._bad_model(
                    f"gives an output of shape {output.shape} where its tables "
                    f"want {(count, width)}"
                )

    def _start(self, device: str, batch_size: int, threads: int) -> None:
        self.device = device
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="infer")
        self.batch_size = batch_size or (_CPU_BATCH * threads if device == "cpu" else _OTHER_BATCH)
        try:
            self._session = _open(self._bundle.model_file, device)
        except DeviceError:
            raise
        except Exception as error:
            if device == "cpu":
                raise self._bad_model(f"does not load ({_short(error)})") from error
            raise self._broken(error) from error
        self._check_graph()
        size = self._bundle.card.input.size_px
        self.run(np.zeros((1, size, size, 3), np.uint8))

    def _infer(self, chunk: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        count = len(chunk)
        if self.device != "cpu" and count < self.batch_size:  # other devices plan for one shape
            padding = np.zeros((self.batch_size - count, *chunk.shape[1:]), np.uint8)
            chunk = np.concatenate([chunk, padding])
        names = list(dict.fromkeys(self._outputs))
        values = dict(zip(names, self._session.run(names, {INPUT_NAME: chunk}), strict=True))
        return [values[name][:count] for name in self._outputs]

    def _shrink_or_raise(self, error: Exception) -> None:
        if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise self._broken(error) from error
        if self.batch_size == 1:
            raise DeviceError(
                f"{self._bundle.model_file}: {self.device} has no memory for even one photo; "
                "free some, or take another --device or a smaller model"
            ) from error
        self.batch_size //= 2

    def _check_graph(self) -> None:
        size = self._bundle.card.input.size_px
        inputs = [(node.name, node.type, node.shape) for node in self._session.get_inputs()]
        wanted = (INPUT_NAME, "tensor(uint8)", [size, size, 3])
        if (
            [(name, kind, shape[1:]) for name, kind, shape in inputs] != [wanted]
            or isinstance(inputs[0][2][0], int)  # B has a name, or none, where it is free
        ):
            raise self._bad_model(
                f"takes {inputs} and not uint8 {INPUT_NAME} [B, {size}, {size}, 3] with B free"
            )
        found = {node.name: node.type for node in self._session.get_outputs()}
        for name in self._outputs:
            if found.get(name) != "tensor(float)":
                raise self._bad_model(f"has no float32 output {name!r}")

    def _bad_model(self, problem: str) -> BundleError:
        return BundleError(f"{self._bundle.model_file}: {problem}; export the bundle again")

    def _broken(self, error: Exception) -> DeviceError:
        return DeviceError(
            f"{self._bundle.model_file}: {self.device} does not run it ({_short(error)}); "
            "take another --device"
        )


def _candidates(device: str) -> list[str]:
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


def _open(model_file: Path, device: str) -> Any:
    """A session that runs on `device` first; falling back to another is an error."""
    options = ort.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    ort.disable_telemetry_events()  # Windows builds report what they run unless told not to
    with _quiet():
        if device in ("tensorrt", "cuda"):
            ort.preload_dlls()
        session = ort.InferenceSession(
            model_file, options, providers=_providers(device), enable_fallback=0
        )
    if session.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(
            f"device {device}: ONNX Runtime cannot start it here; install the driver and the "
            "libraries that it needs (pip install 'onnxruntime-gpu[cuda,cudnn]'), "
            "or take --device cpu"
        )
    return session


def _providers(device: str) -> list[tuple[str, dict[str, str]]]:
    """ONNX Runtime's providers for a device; nodes that one cannot run go to the next."""
    cuda = (PROVIDERS["cuda"], {"cudnn_conv_algo_search": "HEURISTIC"})
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


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
