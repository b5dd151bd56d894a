"""People who guessed where photos were taken, beside a model on the same photos."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from training.eval.metrics import Guesses, geographic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from training.engine.run_folder import HeldOut


def read_players(file: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Guesses of people: player -> file -> (lat, lon). Columns: player, file, lat, lon.

    Raises:
        UsageError: a column lacks, or a number is none; the message names the row.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    lacking = {"player", "file", "lat", "lon"} - set(reader.fieldnames or ())
    if lacking:
        raise UsageError(f"{file}: lacks the columns {', '.join(sorted(lacking))}; add them")
    players: dict[str, dict[str, tuple[float, float]]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            lat, lon = float(row["lat"]), float(row["lon"])
            if not (abs(lat) <= 90 and abs(lon) <= 180):
                raise ValueError(f"({lat}, {lon}) is no position")
        except (TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error}; correct it") from error
        players.setdefault(row["player"], {})[row["file"]] = (lat, lon)
    return players


def beside_players(
    players: Mapping[str, Mapping[str, tuple[float, float]]], model: Guesses, held: HeldOut
) -> dict[str, dict[str, float | None]]:
    """For every player, how they and the model did on the photos that the player guessed.

    The model's row is named "PLAYER: model". `wins` is the share of photos on which the one in the
    row came nearer.
    """
    row_of = {name: row for row, name in enumerate(held.file.tolist())}
    table: dict[str, dict[str, float | None]] = {}
    for player, guesses in sorted(players.items()):
        files = [file for file in guesses if file in row_of]
        if not files:
            raise UsageError(f"{player}: guessed none of the photos that were held out")
        rows = np.array([row_of[file] for file in files])
        own = held.rows(rows)
        theirs = Guesses.at(*zip(*(guesses[file] for file in files), strict=True))
        ours = model.rows(rows)
        km = [haversine_km(g.lat, g.lon, own.lat, own.lon) for g in (theirs, ours)]
        table[player] = geographic(theirs, own) | {"wins": float((km[0] < km[1]).mean())}
        table[f"{player}: model"] = geographic(ours, own) | {"wins": float((km[1] < km[0]).mean())}
    return table
