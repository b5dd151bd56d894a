"""A network and the graphs of its heads, bound to fixed buffers on their device.

Pixels are uploaded once, as bytes. The graph of a head reads the network's output directly on the
device. Only the requested outputs are downloaded. CUDA graphs need fixed addresses, because they
replay the very same launches.

ONNX Runtime's documentation: https://onnxruntime.ai/docs/performance/tune-performance/iobinding.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import onnxruntime as ort

from geotagger.vision.bundle.head_specs import RetrieveHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head

INPUT_NAME = "pixels"


class GraphOutput(NamedTuple):
    """What one head reads: an output of the network, perhaps passed through a graph of its own."""

    name: str
    """The ONNX output of the network."""
    head_graph: Path | None
    """The ONNX file of the head's graph; None if the head reads the output itself."""


class DeviceMemory(NamedTuple):
    """The memory that sessions and buffers share."""

    kind: str
    """ONNX Runtime's name, for example `cuda`."""
    device_id: int


_graph_ids = count(1)
"""CUDA graphs of one process need different ids; with one id they would replay each other."""


def graph_outputs(bundle: ModelBundle, heads: Sequence[Head]) -> list[GraphOutput]:
    """What each of these heads reads."""
    return [
        GraphOutput(
            head.output,
            bundle.path / head.graph if isinstance(head, RetrieveHead) and head.graph else None,
        )
        for head in heads
    ]


def run_unbound(
    network: Any,
    head_graphs: Mapping[Path, Any],
    outputs: Sequence[GraphOutput],
    pixels: NDArray[np.uint8],
) -> list[NDArray[np.float32]]:
    """As `IoBinding.run`, for the CPU, where nothing is copied: batches of any size."""
    names = list(dict.fromkeys(output.name for output in outputs))
    values_by_name = dict(zip(names, network.run(names, {INPUT_NAME: pixels}), strict=True))
    results = []
    for name, file in outputs:
        values = values_by_name[name]
        if file is not None:
            graph = head_graphs[file]
            (values,) = graph.run(None, {graph.get_inputs()[0].name: values})
        results.append(values)
    return results


class IoBinding:
    """One network and the graphs of its heads, with their buffers."""

    def __init__(
        self,
        network: Any,
        head_graphs: Mapping[Path, Any],
        outputs: Sequence[GraphOutput],
        memory: DeviceMemory,
    ) -> None:
        """
        Args:
            network: its session, with one input and named outputs.
            head_graphs: sessions by file, with one input and one output each.
            outputs: what `run` returns.
            memory: where the sessions and buffers are.
        """
        self._network = network
        self._head_graphs = head_graphs
        self._outputs = outputs
        self._memory = memory
        self._batch_size = 0
        self._steps: list[_BoundSession] = []

    def run(self, pixels: NDArray[np.uint8], batch_size: int) -> list[NDArray[np.float32]]:
        """Run one batch.

        The device always gets `batch_size` photos, because it plans for one shape; the rest is
        padding. A new batch size creates new buffers. So does the run after a failure.

        Args:
            pixels: uint8 [n, S, S, 3], with n at most `batch_size`.
            batch_size: the size of the batch on the device.

        Returns:
            The values of each output, float32 [n, ...].
        """
        photo_count = len(pixels)
        if photo_count < batch_size:
            padding = np.zeros((batch_size - photo_count, *pixels.shape[1:]), np.uint8)
            pixels = np.concatenate([pixels, padding])
        if batch_size != self._batch_size:
            self._bind(pixels)
            self._batch_size = batch_size
        try:
            self._pixels.update_inplace(np.ascontiguousarray(pixels))
            for step in self._steps:
                step.run()
            return [np.array(value.numpy()[:photo_count]) for value in self._output_values]
        except Exception:
            self._batch_size = 0
            raise

    def _bind(self, pixels: NDArray[np.uint8]) -> None:
        """Create the buffers for batches of this shape."""
        self._batch_size, self._steps, self._output_values = 0, [], []  # frees the old buffers
        self._pixels = ort.OrtValue.ortvalue_from_numpy(np.zeros_like(pixels), *self._memory)
        names = list(dict.fromkeys(output.name for output in self._outputs))
        network = _BoundSession(self._network, INPUT_NAME, self._pixels, names, self._memory)
        values: dict[GraphOutput, Any] = {
            GraphOutput(name, None): value
            for name, value in zip(names, network.outputs, strict=True)
        }
        steps = [network]
        for output in self._outputs:
            if output.head_graph is None or output in values:
                continue
            graph = self._head_graphs[output.head_graph]
            (graph_input,), (graph_output,) = graph.get_inputs(), graph.get_outputs()
            source = values[GraphOutput(output.name, None)]
            step = _BoundSession(graph, graph_input.name, source, [graph_output.name], self._memory)
            (values[output],) = step.outputs
            steps.append(step)
        self._steps = steps
        self._output_values = [values[output] for output in self._outputs]


class _BoundSession:
    """A session with a fixed input buffer and fixed output buffers."""

    def __init__(
        self,
        session: Any,
        input_name: str,
        input_value: Any,
        output_names: Sequence[str],
        memory: DeviceMemory,
    ) -> None:
        """Run the session once: that yields the output buffers, which are kept."""
        self._session = session
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(input_name, input_value)
        for name in output_names:
            self._binding.bind_output(name, *memory)
        session.run_with_iobinding(self._binding, _run_options(cuda_graph_id=-1))
        self.outputs = self._binding.get_outputs()
        for name, value in zip(output_names, self.outputs, strict=True):
            self._binding.bind_ortvalue_output(name, value)
        self._options = _run_options(cuda_graph_id=next(_graph_ids))

    def run(self) -> None:
        """Compute the output buffers from the input buffer."""
        self._session.run_with_iobinding(self._binding, self._options)


def _run_options(cuda_graph_id: int) -> ort.RunOptions:
    """Options with the CUDA graph to record or replay; -1 for none. Ignored without CUDA graphs."""
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(cuda_graph_id))
    return options
