"""The network of a bundle, loaded on one device: it runs in batches that fit into memory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.config import Device
from geotagger.errors import BundleError, DeviceError
from geotagger.vision.runtime.devices import (
    cuda_graphs_enabled,
    gpu_ids,
    memory_kind,
    open_session,
)
from geotagger.vision.runtime.io_binding import DeviceMemory, IoBinding, run_unbound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.vision.runtime.io_binding import GraphOutput

    Outputs = dict[GraphOutput, NDArray[np.float32]]

_CPU_BATCH_SIZE = 2
"""Per thread. Measured: larger batches exceed the processor's cache and cost up to 40 % more per
photo."""
_GPU_BATCH_SIZE = 64
_OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "bad_alloc", "bad allocation")


class DeviceNetwork:
    """An ONNX graph on one device.

    On the CPU each thread runs its own photos, so that no thread waits for another inside the
    network. Each of several GPUs has its own session, and its own part of each batch. Their buffers
    are fixed (`IoBinding`).

    Attributes:
        model_file: the ONNX graph.
        device: where it runs.
        batch_size: photos that run at once, on all GPUs together; halved when memory runs out.
        sessions: one session of ONNX Runtime per GPU, or one for the CPU.
        bindings: the buffers of each session; empty on the CPU.
    """

    def __init__(
        self, model_file: Path, device: Device, batch_size: int = 0, threads: int = 1
    ) -> None:
        """Load the graph.

        Args:
            model_file: the ONNX graph.
            device: a concrete device, not `auto`.
            batch_size: photos that run at once; 0 for the default of the device.
            threads: photos that run in parallel on the CPU.

        Raises:
            BundleError: the graph does not load.
            DeviceError: the device cannot run the graph.
        """
        self.model_file = model_file
        self.device = device
        self._gpu_ids = gpu_ids(device)
        self._thread_count = max(threads if device is Device.CPU else 1, len(self._gpu_ids))
        self._pool = ThreadPoolExecutor(self._thread_count, thread_name_prefix="infer")
        per_thread = _CPU_BATCH_SIZE if device is Device.CPU else _GPU_BATCH_SIZE
        self.batch_size = batch_size or per_thread * self._thread_count
        self._outputs: list[GraphOutput] = []
        self._head_graphs: list[dict[Path, Any]] = [{} for _ in self._gpu_ids]
        self.bindings: list[IoBinding] = []
        self._last_batch: tuple[NDArray[np.uint8], Outputs] | None = None
        self._keeps_last_batch = False
        cuda_graphs = device is Device.CUDA and cuda_graphs_enabled()
        try:
            self.sessions = [
                open_session(model_file, device, gpu=gpu, cuda_graphs=cuda_graphs)
                for gpu in self._gpu_ids
            ]
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise self._load_error(error) from error

    def add_outputs(self, outputs: Sequence[GraphOutput]) -> None:
        """From now on `run` computes these outputs, too.

        From the second call on several sessions share the network, and the last batch is kept, so
        that the second session gets what the first one computed.

        Raises:
            BundleError: the graph of a head does not load.
            DeviceError: the device cannot run the graph of a head.
        """
        self._keeps_last_batch, self._last_batch = bool(self._outputs), None
        self._outputs = list(dict.fromkeys([*self._outputs, *outputs]))
        files = {output.head_graph for output in self._outputs if output.head_graph}
        try:
            for graphs, gpu in zip(self._head_graphs, self._gpu_ids, strict=True):
                for file in sorted(files - graphs.keys()):
                    graphs[file] = open_session(file, self.device, gpu=gpu)
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise self._load_error(error) from error
        if self.device is Device.CPU:
            return
        memories = [DeviceMemory(memory_kind(self.device), gpu) for gpu in self._gpu_ids]
        self.bindings = [
            IoBinding(session, graphs, self._outputs, memory)
            for session, graphs, memory in zip(
                self.sessions, self._head_graphs, memories, strict=True
            )
        ]

    def run(self, pixels: NDArray[np.uint8]) -> Outputs:
        """Run any number of photos, batch by batch.

        A batch that does not fit into memory is halved and run again.

        Args:
            pixels: uint8 [n, S, S, 3], n at least 1.

        Returns:
            The values of each output, float32 [n, ...].

        Raises:
            BundleError: the first dimension of an output is not the number of photos.
            DeviceError: the device fails, or has no memory for even one photo.
        """
        if self._last_batch is not None and np.array_equal(self._last_batch[0], pixels):
            return self._last_batch[1]
        parts: dict[GraphOutput, list[NDArray[np.float32]]] = {out: [] for out in self._outputs}
        start = 0
        while start < len(pixels):
            batch = pixels[start : start + self.batch_size]
            try:
                chunks = self._run_batch(batch)
            except BundleError:
                raise
            except Exception as error:  # ONNX Runtime's errors have no common base class
                self._halve_batch_or_raise(error)
                continue
            for values in chunks:
                for output, value in zip(self._outputs, values, strict=True):
                    parts[output].append(value)
            start += len(batch)
        results = {output: np.concatenate(part) for output, part in parts.items()}
        self._last_batch = (pixels, results) if self._keeps_last_batch else None
        return results

    def _run_batch(self, batch: NDArray[np.uint8]) -> list[list[NDArray[np.float32]]]:
        """The values of each output, for each thread's chunk of the batch."""
        chunks = np.array_split(batch, min(self._thread_count, len(batch)))
        numbers = cycle(range(len(self.sessions)))
        results = list(self._pool.map(self._infer, numbers, chunks))
        for chunk, values in zip(chunks, results, strict=True):
            for value in values:
                if value.shape[:1] != (len(chunk),):
                    raise self.bundle_error(
                        f"gives an output of shape {value.shape} for {len(chunk)} photos"
                    )
        return results

    def _infer(self, number: int, chunk: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """Run one chunk in the session with this number."""
        if self.bindings:
            return self.bindings[number].run(chunk, -(-self.batch_size // self._thread_count))
        return run_unbound(self.sessions[number], self._head_graphs[number], self._outputs, chunk)

    def _halve_batch_or_raise(self, error: Exception) -> None:
        if not any(words in str(error).lower() for words in _OUT_OF_MEMORY):
            raise self._device_error(error) from error
        if self.batch_size == 1:
            raise DeviceError(
                f"{self.model_file}: {self.device} has no memory for even one photo; "
                "free some, or use another --device or a smaller model"
            ) from error
        self.batch_size //= 2

    def bundle_error(self, problem: str) -> BundleError:
        """The error for a graph that is not what its card says."""
        return BundleError(f"{self.model_file}: {problem}; export the bundle again")

    def _load_error(self, error: Exception) -> Exception:
        """On the CPU the graph is at fault, on other devices the device."""
        if isinstance(error, DeviceError):
            return error
        if self.device is Device.CPU:
            return self.bundle_error(f"does not load ({_short(error)})")
        return self._device_error(error)

    def _device_error(self, error: Exception) -> DeviceError:
        return DeviceError(
            f"{self.model_file}: {self.device} does not run it ({_short(error)}); "
            "use another --device"
        )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
