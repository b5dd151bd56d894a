"""Runs a bundle's network on a device, in batches, and never on another device than it says."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import BundleError, DeviceError
from geotagger.vision.runtime.devices import PROVIDERS, candidates, cuda_graphs, gpus, memory
from geotagger.vision.runtime.devices import open_session as _open
from geotagger.vision.runtime.io_binding import INPUT_NAME, GraphOutput, IoBinding, taps_of, unbound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.vision.bundle.bundle import ModelBundle

__all__ = ["PROVIDERS", "Session"]

_CPU_BATCH = 2
"""For each thread. Measured: larger batches leave the processor's cache and cost up to 40 % more a
photo."""
_OTHER_BATCH = 64
_OUT_OF_MEMORY = ("failed to allocate memory", "out of memory", "bad_alloc", "bad allocation")

Outputs = dict[GraphOutput, "NDArray[np.float32]"]


class Session:
    """A loaded model.

    Attributes:
        device: what it runs on: tensorrt, cuda, coreml, openvino or cpu.
        batch_size: photos that run at once, on all GPUs together; halved when the memory runs out.

    On the CPU each thread runs photos of its own, so none waits for another inside the network. Of
    several GPUs each has a session of its own, and its part of each batch. Their buffers stay where
    they are, and so does what the graphs of the heads read of the network (`IoBinding`).
    """

    def __init__(
        self,
        bundle: ModelBundle,
        device: str = "auto",
        batch_size: int = 0,
        threads: int = 1,
        beside: Session | None = None,
    ) -> None:
        """Load the model and run it once.

        Args:
            bundle: what to run.
            device: one of PROVIDERS, or auto for the first of them that truly works.
            batch_size: photos at once; 0 for the default of the device.
            threads: photos that run side by side on the CPU.
            beside: a session of the very same network (`ModelBundle.network`): whichever of the two
                is asked second takes what the first has worked out. The rest is then as it has it.

        Raises:
            BundleError: the model does not load, or is not what its card says.
            DeviceError: the device does not run the model.
        """
        self._bundle = bundle
        self._taps = taps_of(bundle)
        self._widths = [bundle.width(head) for head in bundle.card.heads]
        self._tapped = list(dict.fromkeys(self._taps))
        self._graphs: list[dict[Path, Any]] = []
        self._bound: list[IoBinding] = []
        self._network: Session = self if beside is None else beside._network
        self._remembers = False
        self._last: tuple[NDArray[np.uint8], Outputs] | None = None
        if beside is not None:
            self._share()
            return
        *others, last = candidates(device)
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
        if not len(pixels):
            return tuple(np.empty((0, width), np.float32) for width in self._widths)
        values = self._network._outputs_of(pixels)
        outputs = []
        for tap, width in zip(self._taps, self._widths, strict=True):
            output = values[tap]
            if output.shape != (len(pixels), width):
                raise self._bad_model(
                    f"gives an output of shape {output.shape} where its tables "
                    f"want {(len(pixels), width)}"
                )
            outputs.append(output)
        return tuple(outputs)

    def _outputs_of(self, pixels: NDArray[np.uint8]) -> Outputs:
        """All that is tapped of the network, worked out once for sessions that share it."""
        if self._last is not None and np.array_equal(self._last[0], pixels):
            return self._last[1]
        parts: dict[GraphOutput, list[NDArray[np.float32]]] = {tap: [] for tap in self._tapped}
        start = 0
        while start < len(pixels):
            batch = pixels[start : start + self.batch_size]
            chunks = np.array_split(batch, min(self._threads, len(batch)))
            try:
                numbers = cycle(range(len(self._sessions)))
                results = list(self._pool.map(self._infer, numbers, chunks))
            except Exception as error:  # ONNX Runtime's errors share no other base class
                self._shrink_or_raise(error)
                continue
            for chunk, outputs in zip(chunks, results, strict=True):
                for tap, output in zip(self._tapped, outputs, strict=True):
                    if output.shape[:1] != (len(chunk),):
                        raise self._bad_model(
                            f"gives an output of shape {output.shape} for {len(chunk)} photos"
                        )
                    parts[tap].append(output)
            start += len(batch)
        values = {tap: np.concatenate(part) for tap, part in parts.items()}
        self._last = (pixels, values) if self._remembers else None
        return values

    def _start(self, device: str, batch_size: int, threads: int) -> None:
        self.device = device
        self._gpus = gpus(device)
        self._graphs = [{} for _ in self._gpus]
        self._threads = max(threads, len(self._gpus))
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="infer")
        each = _CPU_BATCH if device == "cpu" else _OTHER_BATCH
        self.batch_size = batch_size or each * self._threads
        recorded = device == "cuda" and cuda_graphs()
        try:
            self._sessions = [
                _open(self._bundle.model_file, device, gpu=gpu, cuda_graphs=recorded)
                for gpu in self._gpus
            ]
            self._tap(self._tapped)
        except DeviceError:
            raise
        except Exception as error:
            if device == "cpu":
                raise self._bad_model(f"does not load ({_short(error)})") from error
            raise self._broken(error) from error
        self._check_graph()
        self._try()

    def _share(self) -> None:
        network = self._network
        self.device, self.batch_size = network.device, network.batch_size
        self._sessions = network._sessions
        self._check_graph()
        network._tap(self._taps)
        network._remembers = True
        self._try()

    def _tap(self, taps: list[GraphOutput]) -> None:
        """From now on the network gives these, too."""
        self._tapped = list(dict.fromkeys([*self._tapped, *taps]))
        files = {file for _, file in self._tapped if file}
        for graphs, gpu in zip(self._graphs, self._gpus, strict=True):
            for file in sorted(files - graphs.keys()):
                graphs[file] = _open(file, self.device, gpu=gpu)
        if self.device == "cpu":
            return
        self._bound = [
            IoBinding(session, graphs, self._tapped, (memory(self.device), gpu))
            for session, graphs, gpu in zip(self._sessions, self._graphs, self._gpus, strict=True)
        ]

    def _try(self) -> None:
        size = self._bundle.card.input.size_px
        self.run(np.zeros((1, size, size, 3), np.uint8))

    def _infer(self, number: int, chunk: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        """What is tapped of the session with that number."""
        if self._bound:
            return self._bound[number].run(chunk, -(-self.batch_size // self._threads))
        return unbound(self._sessions[number], self._graphs[number], self._tapped, chunk)

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
        inputs = [(node.name, node.type, node.shape) for node in self._sessions[0].get_inputs()]
        wanted = (INPUT_NAME, "tensor(uint8)", [size, size, 3])
        if (
            [(name, kind, shape[1:]) for name, kind, shape in inputs] != [wanted]
            or isinstance(inputs[0][2][0], int)  # B has a name, or none, where it is free
        ):
            raise self._bad_model(
                f"takes {inputs} and not uint8 {INPUT_NAME} [B, {size}, {size}, 3] with B free"
            )
        found = {node.name: node.type for node in self._sessions[0].get_outputs()}
        for name, _ in self._taps:
            if found.get(name) != "tensor(float)":
                raise self._bad_model(f"has no float32 output {name!r}")

    def _bad_model(self, problem: str) -> BundleError:
        return BundleError(f"{self._bundle.model_file}: {problem}; export the bundle again")

    def _broken(self, error: Exception) -> DeviceError:
        return DeviceError(
            f"{self._bundle.model_file}: {self.device} does not run it ({_short(error)}); "
            "take another --device"
        )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
