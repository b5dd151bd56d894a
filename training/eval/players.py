"""People who guessed the places of photos, next to a model on the same photos."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from training.eval.metrics import PredictedLocations, geographic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.engine.run_folder import HeldOut


def read_players(file: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Reads a table of guesses with the columns player, file, lat, lon.

    Returns:
        Player -> file -> (lat, lon).

    Raises:
        UsageError: A column is missing, or a number is invalid; the message names the row.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    missing = {"player", "file", "lat", "lon"} - set(reader.fieldnames or ())
    if missing:
        raise UsageError(f"{file}: lacks the columns {', '.join(sorted(missing))}; add them")
    players: dict[str, dict[str, tuple[float, float]]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            lat, lon = float(row["lat"]), float(row["lon"])
            if not (abs(lat) <= 90 and abs(lon) <= 180):
                raise ValueError(f"({lat}, {lon}) is not a position")
        except (TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error}; correct it") from error
        players.setdefault(row["player"], {})[row["file"]] = (lat, lon)
    return players


def compare_players(
    players: Mapping[str, Mapping[str, tuple[float, float]]],
    model: PredictedLocations,
    held: HeldOut,
) -> dict[str, dict[str, float | None]]:
    """Scores every player, and the model on the photos that the player guessed.

    The column of the model is named "PLAYER: model". `wins` is the share of photos on which the one
    in the column is nearer.

    Args:
        players: What `read_players` returned.
        model: The places that the model predicted.
        held: The labels of the photos.

    Returns:
        Column -> score -> value.

    Raises:
        UsageError: A player has no guess for any of the photos.
    """
    row_of = {name: row for row, name in enumerate(held.file.tolist())}
    table: dict[str, dict[str, float | None]] = {}
    for player, guesses in sorted(players.items()):
        files = [file for file in guesses if file in row_of]
        if not files:
            raise UsageError(f"{player}: has no guess for a test photo")
        rows = np.array([row_of[file] for file in files])
        own = held.rows(rows)
        by_player = PredictedLocations.at(*zip(*(guesses[file] for file in files), strict=True))
        by_model = model.rows(rows)
        km = [haversine_km(g.lat, g.lon, own.lat, own.lon) for g in (by_player, by_model)]
        table[player] = geographic(by_player, own) | {"wins": float((km[0] < km[1]).mean())}
        table[f"{player}: model"] = geographic(by_model, own) | {
            "wins": float((km[1] < km[0]).mean())
        }
    return table
