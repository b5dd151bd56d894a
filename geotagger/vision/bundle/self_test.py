"""The self-test of a bundle: one random image, and the numbers that its model gives for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError
from geotagger.vision.bundle.card import MAX_PROBE_VALUES
from geotagger.vision.runtime.session import Session

if TYPE_CHECKING:
    from geotagger.vision.bundle.bundle import ModelBundle


def probe_outputs(session: Session, bundle: ModelBundle, seed: int) -> dict[str, tuple[float, ...]]:
    """The first values of every output that a head reads, for the random image of this seed."""
    size = bundle.card.input.size_px
    image = np.random.default_rng(seed).integers(0, 256, (1, size, size, 3), np.uint8)
    outputs = zip(bundle.card.heads, session.run(image), strict=True)
    return {head.output: tuple(values[0, :MAX_PROBE_VALUES].tolist()) for head, values in outputs}


def check(bundle: ModelBundle, device: str = "auto") -> dict[str, float]:
    """Prove that the model computes here what it computed at export.

    Returns the largest difference by output.

    Raises:
        BundleError: an output differs by more than the card's tolerance, or is not finite.
        DeviceError: the device does not run the model.
    """
    session, probe = Session(bundle, device, batch_size=1), bundle.card.probe
    differences = {}
    for output, values in probe_outputs(session, bundle, probe.seed).items():
        expected = probe.outputs[output]
        if len(values) != len(expected):
            raise BundleError(
                f"{bundle.path}: the probe has {len(expected)} values for output {output!r} and "
                f"not {len(values)}; export the bundle again"
            )
        differences[output] = float(np.abs(np.subtract(values, expected)).max())
        if not differences[output] <= probe.tolerance:  # also when it is not a number
            raise BundleError(
                f"{bundle.path}: output {output!r} differs by {differences[output]:.3g} from the "
                f"card on {session.device}, more than {probe.tolerance:.3g}; "
                "fetch the bundle again, or take another --device"
            )
    return differences
