"""A folder of photos whose colour tells their country, for trying training out in seconds."""

import csv
import json

import numpy as np
from click.testing import CliRunner
from PIL import Image

from export import to_onnx
from geotagger.cli import cli

COLOURS = {
    "FR": (48.85, 2.35, (200, 40, 40)),
    "JP": (35.68, 139.69, (40, 200, 40)),
    "BR": (-23.55, -46.63, (40, 40, 200)),
}


def make_photos(folder, columns=lambda *_: {}, per_country=3, sources=10):
    """The folder, with a labels.csv. `columns(source, code, number)` gives further columns."""
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for source in range(sources):
        for code, (lat, lon, colour) in COLOURS.items():
            for number in range(per_country):
                file = f"images/{source}_{code}_{number}.png"
                noise = random.normal(colour, 40, (40, 48, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(noise).save(folder / file)
                rows.append(
                    {"file": file, "lat": lat + number / 10, "lon": lon, "precision": "city",
                     "source": f"site{source}", **columns(source, code, number)}
                )  # fmt: skip
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def train(script, photos, run, recipe):
    """The run of a script of training/ that takes SOURCE RUN, and what it said."""
    file = run.parent / f"{run.name}.json"
    file.write_text(json.dumps(recipe))
    arguments = [str(photos), str(run), "--recipe", str(file), "--threads", "1"]
    result = CliRunner().invoke(script.main, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return run, result.output


def export(run, photos, bundle, precision):
    """The folder of the bundle that the export makes of a run."""
    arguments = [str(run), str(bundle), "--precision", precision, "--photos", str(photos)]
    result = CliRunner().invoke(to_onnx.main, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    return bundle


def tag(run, photos, folder, precision, *options):
    """The rows of the report of `geotagger tag` with the bundle of a run."""
    bundle = export(run, photos, folder / "bundle", precision)
    report = folder / "report.csv"
    arguments = ["tag", str(photos / "images"), "--model", str(bundle), "--report", str(report)]
    result = CliRunner().invoke(cli, [*arguments, "-q", "--no-read-text", *options])
    assert result.exit_code == 0, (result.output, result.exception)
    with report.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
