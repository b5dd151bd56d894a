"""Runs a bundle on a device, and never on another device than it reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.config import Device
from geotagger.errors import DeviceError
from geotagger.vision.runtime.devices import candidate_devices
from geotagger.vision.runtime.io_binding import INPUT_NAME, graph_outputs
from geotagger.vision.runtime.network import DeviceNetwork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head


class VisionSession:
    """A loaded bundle: pixels in, the outputs of all heads out."""

    def __init__(
        self,
        bundle: ModelBundle,
        device: str = Device.AUTO,
        batch_size: int = 0,
        threads: int = 1,
        shares_with: VisionSession | None = None,
        heads: Sequence[Head] | None = None,
    ) -> None:
        """Load the model and run it once.

        Args:
            bundle: what to run.
            device: a `Device`; `auto` takes the first one that actually runs the model.
            batch_size: photos that run at once; 0 for the default of the device.
            threads: photos that run in parallel on the CPU.
            shares_with: a session whose bundle has the same network (`ModelBundle.network_key`).
                The two share it: the second one to run the same pixels gets the results of the
                first. Device, batch size and threads are then ignored.
            heads: the heads whose outputs are wanted; None for all.

        Raises:
            BundleError: the model does not load, or is not what its card says.
            DeviceError: the device cannot run the model.
        """
        self._bundle = bundle
        heads = bundle.card.heads if heads is None else heads
        self._outputs = graph_outputs(bundle, heads)
        self._widths = [bundle.width(head) for head in heads]
        if shares_with is not None:
            self._start(shares_with._network)
            return
        *others, last = candidate_devices(device)
        for candidate in others:
            try:
                self._start(DeviceNetwork(bundle.model_file, candidate, batch_size))
            except DeviceError:
                continue
            return
        self._start(DeviceNetwork(bundle.model_file, last, batch_size, threads))

    @property
    def device(self) -> Device:
        """Where the model runs."""
        return self._network.device

    @property
    def batch_size(self) -> int:
        """Photos that run at once, on all GPUs together; halved when memory runs out."""
        return self._network.batch_size

    def run(self, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.float32], ...]:
        """The outputs of the heads for any number of photos.

        Values that are not finite are returned as they are: they concern only their own photo.

        Args:
            pixels: uint8 [n, S, S, 3], upright RGB.

        Returns:
            float32 [n, width] of every head, in the order of `heads`.

        Raises:
            BundleError: an output has another shape than the card says.
            DeviceError: the device fails, or has no memory for even one photo.
        """
        if not len(pixels):
            return tuple(np.empty((0, width), np.float32) for width in self._widths)
        values = self._network.run(pixels)
        results = []
        for output, width in zip(self._outputs, self._widths, strict=True):
            if values[output].shape != (len(pixels), width):
                raise self._network.bundle_error(
                    f"gives an output of shape {values[output].shape} where its tables "
                    f"want {(len(pixels), width)}"
                )
            results.append(values[output])
        return tuple(results)

    def _start(self, network: DeviceNetwork) -> None:
        """Check the graph against the card, and run one black picture."""
        self._network = network
        self._check_graph()
        network.add_outputs(self._outputs)
        size_px = self._bundle.card.input.size_px
        self.run(np.zeros((1, size_px, size_px, 3), np.uint8))

    def _check_graph(self) -> None:
        size = self._bundle.card.input.size_px
        session = self._network.sessions[0]
        inputs = [(node.name, node.type, node.shape) for node in session.get_inputs()]
        expected = (INPUT_NAME, "tensor(uint8)", [size, size, 3])
        if (
            [(name, kind, shape[1:]) for name, kind, shape in inputs] != [expected]
            or isinstance(inputs[0][2][0], int)  # a dynamic B has a name or None
        ):
            raise self._network.bundle_error(
                f"takes {inputs} and not uint8 {INPUT_NAME} [B, {size}, {size}, 3] with B free"
            )
        types = {node.name: node.type for node in session.get_outputs()}
        for output in self._outputs:
            if types.get(output.name) != "tensor(float)":
                raise self._network.bundle_error(f"has no float32 output {output.name!r}")
