"""What the bundle of a published model says of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.engine.origins import is_restricted

if TYPE_CHECKING:
    from export.published.source import Checkpoint

DESCRIPTIONS = {
    "geoclip": "GeoCLIP: matches photos against a gallery of positions.",
    "streetclip": "StreetCLIP: matches photos against captions of countries and cities.",
}


def page(
    source: str,
    name: str,
    precision: str,
    checkpoint: Checkpoint,
    licence: str,
    told: dict[str, str],
) -> str:
    """The README of the bundle."""
    facts = "\n".join(f"- {key}: {value}" for key, value in told.items())
    limits = (
        "\n**The licence restricts use.** Read it where the weights are from.\n"
        if is_restricted(licence)
        else ""
    )
    return f"""# {name}

{DESCRIPTIONS.get(source, "A published model of image and text, as it is.")}

- weights: {checkpoint.name}
- SHA-256 of the weights: {checkpoint.sha256}
- licence of the weights: {licence}
- precision: {precision}
{facts}
{limits}
The weights are those that their authors published; nothing was trained. How likely its answers are
was not calibrated here: read the alternatives, and check every answer that matters by other means.
It must not be used for finding, following or exposing people, nor as evidence in a dispute.
"""
