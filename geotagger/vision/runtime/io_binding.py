"""A network and what reads it on its device, bound to buffers that stay where they are.

Pixels go up once, as bytes. What the graph of a head reads of the network is on the device already.
Only what was asked for comes back. CUDA graphs need such addresses, for they replay the very same
launches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from geotagger.vision.bundle.head_specs import RetrieveHead

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.vision.bundle.bundle import ModelBundle

INPUT_NAME = "pixels"

GraphOutput = tuple[str, Path | None]
"""An output of a network, and the file of the graph that it goes through, or None."""

DeviceMemory = tuple[str, int]
"""A kind of memory by ONNX Runtime's name, and the number of the device that has it."""

_recordings = count(1)
"""Each is told apart by a number: two with one number would replay one another's launches."""


def taps_of(bundle: ModelBundle) -> list[GraphOutput]:
    """What each head reads, in the order of the card."""
    return [
        (head.output, bundle.path / head.graph)
        if isinstance(head, RetrieveHead) and head.graph
        else (head.output, None)
        for head in bundle.card.heads
    ]


def unbound(
    network: Any, graphs: Mapping[Path, Any], taps: Sequence[GraphOutput], pixels: NDArray[np.uint8]
) -> list[NDArray[np.float32]]:
    """As `IoBinding.run` for the CPU, where nothing has to be moved: batches of any size."""
    names = list(dict.fromkeys(name for name, _ in taps))
    found = dict(zip(names, network.run(names, {INPUT_NAME: pixels}), strict=True))
    given = []
    for name, file in taps:
        values = found[name]
        if file is not None:
            graph = graphs[file]
            (values,) = graph.run(None, {graph.get_inputs()[0].name: values})
        given.append(values)
    return given


class IoBinding:
    """One network, and the graphs of the heads that read it."""

    def __init__(
        self,
        network: Any,
        graphs: Mapping[Path, Any],
        taps: Sequence[GraphOutput],
        place: DeviceMemory,
    ) -> None:
        """
        Args:
            network: its session, with one input and named outputs.
            graphs: sessions by file; one input and one output each.
            taps: what `run` gives.
            place: the memory that sessions and buffers share.
        """
        self._network = network
        self._graphs = graphs
        self._taps = taps
        self._place = place
        self._most = 0
        self._steps: list[_Step] = []

    def run(self, pixels: NDArray[np.uint8], most: int) -> list[NDArray[np.float32]]:
        """What each tap gives, [n, ...], for pixels [n, S, S, 3]; n is at most `most`.

        The device always gets `most`, for it plans for one shape. The buffers are made anew when
        that changes; whatever fails, the next run makes them anew, too.
        """
        shown = len(pixels)
        if shown < most:
            padding = np.zeros((most - shown, *pixels.shape[1:]), np.uint8)
            pixels = np.concatenate([pixels, padding])
        if most != self._most:
            self._bind(pixels)
            self._most = most
        try:
            self._pixels.update_inplace(np.ascontiguousarray(pixels))
            for step in self._steps:
                step.run()
            return [np.array(value.numpy()[:shown]) for value in self._tapped]
        except Exception:
            self._most = 0
            raise

    def _bind(self, pixels: NDArray[np.uint8]) -> None:
        self._most, self._steps, self._tapped = 0, [], []  # the old buffers go first
        self._pixels = ort.OrtValue.ortvalue_from_numpy(np.zeros_like(pixels), *self._place)
        names = list(dict.fromkeys(name for name, _ in self._taps))
        network = _Step(self._network, INPUT_NAME, self._pixels, names, self._place)
        found: dict[GraphOutput, Any] = {
            (name, None): value for name, value in zip(names, network.outputs, strict=True)
        }
        steps = [network]
        for name, file in self._taps:
            if file is None or (name, file) in found:
                continue
            graph = self._graphs[file]
            (given,), (wanted,) = graph.get_inputs(), graph.get_outputs()
            step = _Step(graph, given.name, found[name, None], [wanted.name], self._place)
            (found[name, file],) = step.outputs
            steps.append(step)
        self._steps, self._tapped = steps, [found[tap] for tap in self._taps]


class _Step:
    """A session whose input and outputs stay where they are."""

    def __init__(
        self, session: Any, input_name: str, fed: Any, names: Sequence[str], place: DeviceMemory
    ) -> None:
        """Runs it once: that tells the shapes of the outputs, and their buffers are kept."""
        self._session = session
        self._binding = session.io_binding()
        self._binding.bind_ortvalue_input(input_name, fed)
        for name in names:
            self._binding.bind_output(name, *place)
        session.run_with_iobinding(self._binding, _recording(-1))
        self.outputs = self._binding.get_outputs()
        for name, value in zip(names, self.outputs, strict=True):
            self._binding.bind_ortvalue_output(name, value)
        self._options = _recording(next(_recordings))

    def run(self) -> None:
        self._session.run_with_iobinding(self._binding, self._options)


def _recording(number: int) -> ort.RunOptions:
    """Where CUDA graphs are on: which one to record or replay; -1 for none."""
    options = ort.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(number))
    return options
