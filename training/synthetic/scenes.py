"""Draws photo-like pictures with known text: python -m training.synthetic.scenes OUT --kind signs

    python -m training.synthetic.scenes OUT --kind signs --count 200 --photos DATA
    python -m training.synthetic.scenes OUT --kind non-evidence --count 200 --photos DATA

OUT gets pictures and labels.csv: file, lat, lon, country, kind, text. Signs name the place where
they stand. The other kind shows text from another place, or text that is not a sign: stamps,
watermarks and captions over the sign of the true place, screenshots, menus and the like.

Backgrounds are photos of a folder (`--photos`), else noise with the spectrum of photos. The texts
of the signs are in `sign_texts.csv`.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import click
from PIL import Image

from training.synthetic.fonts import read_faces
from training.synthetic.lettering import Fonts
from training.synthetic.non_evidence_scenes import non_evidence
from training.synthetic.studio import Scene, Studio, read_signs

if TYPE_CHECKING:
    from collections.abc import Callable


def signs(studio: Studio) -> Scene:
    """Draws a sign of the true place."""
    sign = studio.sign()
    return Scene(studio.street(sign), "sign", sign, " / ".join(sign.lines))


def save(
    draw_scene: Callable[[Studio], Scene], studio: Studio, count: int, folder: Path, name: str
) -> None:
    """Writes pictures as JPEG, and labels.csv with their truth."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["file", "lat", "lon", "country", "kind", "text"])
        for number in range(count):
            scene = draw_scene(studio)
            file = f"{name}_{number:04d}.jpg"
            quality = int(studio.rng.integers(60, 95))
            Image.fromarray(scene.pixels).save(folder / file, quality=quality)
            place = scene.place
            row = [file, place.lat, place.lon, place.country, scene.kind, scene.text]
            table.writerow(row)


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(["signs", "non-evidence"]), required=True)
@click.option("--count", default=100, show_default=True)
@click.option("--fonts", type=click.Path(path_type=Path, exists=True), default="/usr/share/fonts")
@click.option(
    "--photos", type=click.Path(path_type=Path, exists=True), help="Folder of backgrounds."
)
@click.option("--seed", default=0, show_default=True)
def main(out: Path, kind: str, count: int, fonts: Path, photos: Path | None, seed: int) -> None:
    paths = sorted(photos.rglob("*.jpg")) if photos else []
    drawing = Fonts(read_faces(fonts))
    all_signs = read_signs()
    missing = [s for s in all_signs if not all(map(drawing.can_draw, s.lines))]
    if missing:
        countries = " ".join(sorted({sign.country for sign in missing}))
        click.echo(f"{len(missing)} signs left out, no font draws them: {countries}", err=True)
    studio = Studio(drawing, all_signs, paths, seed)
    draw_scene = signs if kind == "signs" else non_evidence
    save(draw_scene, studio, count, out, kind)


if __name__ == "__main__":
    main()
