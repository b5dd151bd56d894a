"""Peak memory of `geotagger tag` for growing numbers of photos. It should stay constant.

python -m benchmarks.speed.memory --photos 300 --photos 3000
python -m benchmarks.speed.memory --read-text --megapixels 0.3
python -m benchmarks.speed.memory --folder PHOTOS --read-text      once over your own photos
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from benchmarks.fixtures.photos import DISTINCT, make_folder, make_photo


@click.command(help=__doc__)
@click.option("--photos", "counts", multiple=True, type=int, default=(300, 3000), show_default=True)
@click.option("--megapixels", default=12.0, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="Photos to use.")
@click.option("--read-text/--no-read-text", default=False, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    counts: tuple[int, ...],
    megapixels: float,
    folder: Path | None,
    read_text: bool,
    as_json: bool,
) -> None:
    """Print the peak resident memory of one run for each number of photos."""
    if folder is not None:
        with tempfile.TemporaryDirectory() as scratch:
            peak_mib = _peak_of_tag(folder, Path(scratch), read_text=read_text)
        click.echo(json.dumps({"peak_mib": peak_mib}) if as_json else f"{peak_mib:.0f} MiB")
        return
    peaks_mib: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        photos = Path(scratch) / "photos"
        photos.mkdir()
        side = round((megapixels * 1e6 / 12) ** 0.5)
        for index in range(DISTINCT):
            make_photo(photos / f"{index:06d}.jpg", index, (4 * side, 3 * side))
        for count in counts:
            made = make_folder(photos, count)
            peaks_mib[count] = _peak_of_tag(made, Path(scratch), read_text=read_text)
            if not as_json:
                click.echo(f"{count:8} photos {peaks_mib[count]:8.0f} MiB")
    growth = peaks_mib[counts[-1]] / peaks_mib[counts[0]] - 1
    if as_json:
        figures = {"megapixels": megapixels, "text": read_text, "peak_mib": peaks_mib}
        click.echo(json.dumps({**figures, "growth": growth}))
    else:
        click.echo(f"growth: {100 * growth:+.1f} %")


def _peak_of_tag(folder: Path, scratch: Path, *, read_text: bool) -> float:
    text = "--read-text" if read_text else "--no-read-text"
    command = [sys.executable, "-m", "geotagger", "tag", "-q", str(folder), text, "--restart"]
    # --restart: most photos may be links to others, whose outputs are cached
    return _peak_mib([*command, "--report", str(scratch / "report.csv")], scratch / "state")


def _peak_mib(command: list[str], state: Path) -> float:
    process = subprocess.Popen(command, env={**os.environ, "GEOTAGGER_STATE": str(state)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the run failed with exit code {process.returncode}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
