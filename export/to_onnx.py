"""Makes a bundle of a trained run: python -m export.to_onnx RUN BUNDLE [--precision int8] ...

RUN is the folder that a script of training/ wrote, or its name in runs/. It may also be a published
model; see export/published/command.py. The bundle is written next to BUNDLE first, compared with
the trained network on real photos through geotagger's own session, and calibrated on the validation
photos of the run. It takes its place only if it computes the same as the network.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

if not __package__:  # started as python export/to_onnx.py
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from export.published import command as published
from export.run_bundle import PRECISIONS, ExportOptions, export_run
from geotagger.errors import BundleError, UsageError


@click.command(help=__doc__)
@click.argument("run")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--precision", type=click.Choice(PRECISIONS), default="fp32", show_default=True)
@click.option("--opset", default=20, show_default=True)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Photos for the comparison and for int8 ranges.  [default: noise, and no int8]",
)
@click.option("--name", default="", help="Name of the model.  [default: the name of BUNDLE]")
@click.option("--version", default="1.0.0", show_default=True)
@click.option("--licence", default="", help="[default: that of the weights training started from]")
def main(**arguments: Any) -> None:
    options = ExportOptions(**arguments)
    try:
        differences = export_run(options)
    except (BundleError, UsageError) as error:
        raise click.ClickException(str(error)) from error
    size_mb = sum(file.stat().st_size for file in options.bundle.iterdir()) / 1e6
    click.echo(
        f"{options.bundle}: {options.precision}, {size_mb:.1f} MB, {json.dumps(differences)}"
    )


if __name__ == "__main__":
    source = sys.argv[1] if len(sys.argv) > 1 else ""
    (published.main if published.is_published(source) else main)()
