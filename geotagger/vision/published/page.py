"""The README of the bundle of a published model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.vision.published.licences import is_restricted

if TYPE_CHECKING:
    from collections.abc import Mapping

DESCRIPTIONS = {
    "geoclip": "GeoCLIP: matches photos against a gallery of positions.",
    "streetclip": "StreetCLIP: matches photos against captions of countries and cities.",
}


@dataclass(frozen=True, slots=True)
class WeightsOrigin:
    """Where published weights are from."""

    name: str
    """Hub id and revision, or `local folder`."""
    licence: str
    """Of the weights."""
    sha256: str
    """Of the file of the weights, in hexadecimal."""


def make_page(
    source: str, name: str, precision: str, weights: WeightsOrigin, facts: Mapping[str, str]
) -> str:
    """The README.

    Args:
        source: the name of the model.
        name: the name of the bundle.
        precision: of the graphs.
        weights: where they are from.
        facts: further lines.
    """
    lines = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    limits = (
        "\n**The licence restricts use.** Read it where the weights are from.\n"
        if is_restricted(weights.licence)
        else ""
    )
    return f"""# {name}

{DESCRIPTIONS.get(source, "A published model of images and texts.")}

- weights: {weights.name}
- SHA-256 of the weights: {weights.sha256}
- licence of the weights: {weights.licence}
- precision: {precision}
{lines}
{limits}
The weights are those of the authors; nothing was trained. The probabilities are not calibrated:
read the alternatives, and check every prediction that matters by other means.
It must not be used for finding, following or exposing people, nor as evidence in a dispute.
"""
