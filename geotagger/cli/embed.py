"""`geotagger embed`: embeddings of photos and positions for other programs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger.cli.flags import DEVICES, PATHS, SOME_FAILED, complete_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OUT = click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File to write: .npy, with a .csv next to it that names the rows, or .parquet with both.",
)


@click.group()
def embed() -> None:
    """Write embeddings of photos or positions."""


@embed.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@OUT
@click.option(
    "--encoder",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Exported location encoder.  [default: the imported one]",
)
def points(file: Path, out: Path, encoder: Path | None) -> None:
    """Write GeoCLIP's embeddings of positions, from a CSV with the columns lat and lon.

    Each position has one row, sorted by latitude. The vectors are not normalised.

    \b
    geotagger embed points places.csv --out vectors.npy
    """
    import numpy as np

    from geotagger.config import cores
    from geotagger.vision.runtime.encoders import LocationEncoder
    from geotagger.vision.search_space import read_points

    lat, lon, count = read_points(file)
    vectors = LocationEncoder(encoder, threads=cores())(np.stack([lat, lon], axis=1))
    columns = {"lat": lat.tolist(), "lon": lon.tolist(), "count": count.astype(int).tolist()}
    write_vectors(out, vectors, columns)
    click.echo(f"{len(vectors)} points, {vectors.shape[1]} numbers each: {out}")


@embed.command()
@PATHS
@OUT
@click.option(
    "--model",
    default="geoclip",
    show_default=True,
    metavar="NAME|DIR",
    shell_complete=complete_model,
    help="Vision bundle.",
)
@click.option("--device", type=DEVICES, default="auto", show_default=True)
def photos(paths: tuple[Path, ...], out: Path, model: str, device: str) -> None:
    """Write embeddings of photos, normalised to length 1.

    A photo that cannot be read has no row, and a message names it.

    \b
    geotagger embed photos ~/Photos --out vectors.parquet
    geotagger embed photos ~/Photos --model streetclip --out vectors.npy
    """
    import numpy as np

    from geotagger.api import Geotagger
    from geotagger.errors import NoPhotosError, PhotoError
    from geotagger.images.scan import walk

    tagger = Geotagger(model, device=device)
    names: list[str] = []
    vectors: list[NDArray[np.float32]] = []
    failed = False
    for photo in walk(paths):
        try:
            if photo.problem:
                raise PhotoError(photo.problem)
            vectors.append(tagger.encode_image(photo.path))
            names.append(str(photo.path))
        except (PhotoError, OSError) as error:
            click.echo(f"{photo.path}: {error}", err=True)
            failed = True
    if not vectors and not failed:
        raise NoPhotosError(f"no photos in {', '.join(map(str, paths))}")
    if vectors:
        write_vectors(out, np.stack(vectors), {"path": names})
        click.echo(f"{len(vectors)} photos, {len(vectors[0])} numbers each: {out}")
    if failed:
        sys.exit(SOME_FAILED)


def write_vectors(out: Path, vectors: NDArray[np.float32], columns: dict[str, list[Any]]) -> None:
    """Writes vectors and the columns that name their rows.

    Raises:
        UsageError: the suffix is unknown, or Parquet needs pyarrow.
    """
    import csv

    import numpy as np

    from geotagger.errors import UsageError
    from geotagger.reports.formats.existing import move_aside

    if out.suffix == ".npy":
        np.save(out, vectors)
        table = out.with_suffix(".csv")
        if not _has_columns(table, list(columns)):
            move_aside(table, table, "--out")
        with table.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        return
    if out.suffix != ".parquet":
        raise UsageError(f"{out}: the file must end in .npy or .parquet")
    try:
        import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]
        import pyarrow.parquet as pq  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise UsageError(f"{out}: Parquet needs pyarrow (pip install pyarrow)") from error
    flat = pa.array(np.ascontiguousarray(vectors).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    pq.write_table(pa.table({**columns, "vector": column}), out)


def _has_columns(table: Path, columns: list[str]) -> bool:
    """Whether an earlier run may have written the table."""
    if not table.is_file():
        return False
    with table.open("rb") as file:
        return file.readline(200).decode("utf-8", "replace").strip() == ",".join(columns)
