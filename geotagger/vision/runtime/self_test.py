"""The self-test of a bundle: the model must compute the values of the card for a random image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.config import Device
from geotagger.errors import BundleError
from geotagger.vision.bundle.card import MAX_PROBE_VALUES
from geotagger.vision.runtime.session import VisionSession

if TYPE_CHECKING:
    from geotagger.vision.bundle.bundle import ModelBundle


def probe_outputs(
    session: VisionSession, bundle: ModelBundle, seed: int
) -> dict[str, tuple[float, ...]]:
    """The first values of every output that a head decodes, for the random image of this seed.

    Returns:
        At most MAX_PROBE_VALUES values by name of the output.
    """
    size_px = bundle.card.input.size_px
    pixels = np.random.default_rng(seed).integers(0, 256, (1, size_px, size_px, 3), np.uint8)
    outputs = zip(bundle.card.heads, session.run(pixels), strict=True)
    return {head.output: tuple(values[0, :MAX_PROBE_VALUES].tolist()) for head, values in outputs}


def run_self_test(bundle: ModelBundle, device: str = Device.AUTO) -> dict[str, float]:
    """Prove that the model computes here what it computed at export.

    Returns:
        The largest difference by name of the output.

    Raises:
        BundleError: an output differs by more than the card's tolerance, or is not finite.
        DeviceError: the device cannot run the model.
    """
    session, probe = VisionSession(bundle, device, batch_size=1), bundle.card.probe
    differences = {}
    for output, values in probe_outputs(session, bundle, probe.seed).items():
        expected = probe.outputs[output]
        if len(values) != len(expected):
            raise BundleError(
                f"{bundle.path}: the probe has {len(expected)} values for output {output!r} and "
                f"not {len(values)}; export the bundle again"
            )
        differences[output] = float(np.abs(np.subtract(values, expected)).max())
        if not differences[output] <= probe.tolerance:  # also true for NaN
            raise BundleError(
                f"{bundle.path}: output {output!r} differs by {differences[output]:.3g} from the "
                f"card on {session.device}, more than {probe.tolerance:.3g}; "
                "fetch the bundle again, or use another --device"
            )
    return differences
