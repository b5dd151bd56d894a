"""Commands and flags. Nothing heavy is imported before a command runs: --help stays quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger import __version__
from geotagger.errors import GeotaggerError, UsageError

if TYPE_CHECKING:
    from geotagger.pipeline import RunOptions, Summary

SOME_FAILED = 3
INTERRUPTED = 130
DEFAULT_REPORT = Path("geotagger-report.csv")

PATHS = click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
PREDICTION_FLAGS: Sequence[Callable[..., Any]] = (
    click.option(
        "--model",
        "models",
        multiple=True,
        metavar="NAME|DIR",
        help="Vision bundle; may be given several times.  [default: starter]",
    ),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "cuda", "tensorrt", "coreml"]),
        default="auto",
        show_default=True,
        help="Where the models run. A device that does not run is an error.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1, 4096),
        help="Photos per inference.  [default: what suits the device]",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, 1024),
        help="Threads that read and decode.  [default: one per core]",
    ),
    click.option(
        "--top-k",
        type=click.IntRange(1, 100),
        default=5,
        show_default=True,
        help="Alternatives to report.",
    ),
    click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Name a place only when it is at least this likely.  [default: fitted, by level]",
    ),
)


def prediction_flags(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags of every command that predicts."""
    for flag in reversed(PREDICTION_FLAGS):
        command = flag(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="geotagger")
def cli() -> None:
    """Predict where photos were taken, say how sure that is and why, and write it losslessly."""


@cli.command()
@PATHS
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Report to write, .csv or .jsonl; may be given several times."
    "  [default: geotagger-report.csv]",
)
@click.option(
    "--write-exif", is_flag=True, help="Write GPS and region tags into photos that deserve them."
)
@click.option(
    "--overwrite",
    type=click.Choice(["never", "predicted", "always"]),
    default="never",
    show_default=True,
    help="GPS already in a photo that may be replaced: none, earlier predictions, any.",
)
@click.option(
    "--max-radius",
    "max_radius_km",
    type=click.FloatRange(min=0, min_open=True),
    default=50.0,
    show_default=True,
    metavar="KM",
    help="Write a position only if its 90 % radius is at most this; else region tags alone.",
)
@click.option("--only-missing", is_flag=True, help="Skip photos that have measured GPS.")
@click.option("--dry-run", is_flag=True, help="Say what would be written; write only the report.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
@click.option("-v", "--verbose", is_flag=True, help="A line per photo on stderr.")
@prediction_flags
def tag(reports: tuple[Path, ...], quiet: bool, verbose: bool, **flags: Any) -> None:
    """Predict where the photos under PATH... were taken.

    Each photo gets one row in the report. The photos themselves change only with --write-exif.

    \b
    geotagger tag ~/Photos
    geotagger tag ~/Photos --write-exif --min-confidence 0.7
    """
    from geotagger import pipeline
    from geotagger.progress import Progress

    options = _options(flags, reports=reports or (DEFAULT_REPORT,))
    with Progress(options.paths, quiet=quiet, verbose=verbose) as progress:
        summary = pipeline.run(options, progress.show)
    if not quiet:
        click.echo(_summary(summary, options), err=True)
    if summary.failed:
        sys.exit(SOME_FAILED)


@cli.command()
@PATHS
def untag(paths: tuple[Path, ...]) -> None:
    """Put photos back exactly as they were before geotagger wrote to them."""
    from geotagger import restore

    counts = restore.run(paths, lambda line: click.echo(line, err=True))
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing to do")
    if counts.get("failed"):
        sys.exit(SOME_FAILED)


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with file and lat, lon and/or country.  [default: PATH/labels.csv, else EXIF GPS]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@prediction_flags
def evaluate(path: Path, labels: Path | None, as_json: bool, **flags: Any) -> None:
    """Score predictions on photos whose place is known. Nothing is written."""
    from geotagger import evaluate as scoring
    from geotagger.progress import Progress

    options = _options(flags, paths=(path,))
    with Progress(options.paths, quiet=False, verbose=False) as progress:
        scores = scoring.run(options, labels, progress.show)
    click.echo(scores.to_json() if as_json else scores.to_text())


def _options(flags: dict[str, Any], **more: Any) -> RunOptions:
    from geotagger.pipeline import RunOptions

    flags = {name: value for name, value in {**flags, **more}.items() if value not in (None, ())}
    return RunOptions(**flags)


def _summary(summary: Summary, options: RunOptions) -> str:
    statuses = ", ".join(f"{count} {status}" for status, count in summary.statuses.most_common())
    levels = ", ".join(f"{count} {level}" for level, count in summary.levels.most_common())
    per_second = summary.photos / max(summary.seconds, 1e-9)
    speed = f"{summary.seconds:.1f} s ({per_second:.1f} photos/s)"
    lines = [f"{summary.photos} photos in {speed}: {statuses}"]
    if levels:
        lines.append(f"answered at level: {levels}")
    lines += [f"report: {path}" for path in options.reports]
    return "\n".join(lines)


def main() -> None:
    """Run the command line; every error gets its message and exit code here."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        _fail("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(UsageError.exit_code)
    except GeotaggerError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{error}", GeotaggerError.exit_code)


def _fail(message: str, exit_code: int) -> None:
    click.echo(f"geotagger: {message}", err=True)
    sys.exit(exit_code)
