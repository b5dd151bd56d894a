"""The README of the bundle of a published model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.engine.origins import is_restricted

if TYPE_CHECKING:
    from export.published.source import Checkpoint

DESCRIPTIONS = {
    "geoclip": "GeoCLIP: matches photos against a gallery of positions.",
    "streetclip": "StreetCLIP: matches photos against captions of countries and cities.",
}


def make_page(
    source: str,
    name: str,
    precision: str,
    checkpoint: Checkpoint,
    licence: str,
    facts: dict[str, str],
) -> str:
    """Returns the README.

    Args:
        source: The name of the model.
        name: The name of the bundle.
        precision: Of the graphs.
        checkpoint: The files of the model.
        licence: Of the weights.
        facts: Further lines.
    """
    lines = "\n".join(f"- {key}: {value}" for key, value in facts.items())
    limits = (
        "\n**The licence restricts use.** Read it where the weights are from.\n"
        if is_restricted(licence)
        else ""
    )
    return f"""# {name}

{DESCRIPTIONS.get(source, "A published model of images and texts.")}

- weights: {checkpoint.name}
- SHA-256 of the weights: {checkpoint.sha256}
- licence of the weights: {licence}
- precision: {precision}
{lines}
{limits}
The weights are those of the authors; nothing was trained. The probabilities are not calibrated:
read the alternatives, and check every prediction that matters by other means.
It must not be used for finding, following or exposing people, nor as evidence in a dispute.
"""
