"""Peak memory of `geotagger tag` as the number of photos grows: it should not.

python benchmarks/memory.py --photos 300 --photos 3000
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import click
from photos import make_folder


@click.command()
@click.option("--photos", "counts", multiple=True, type=int, default=(300, 3000), show_default=True)
def main(counts: tuple[int, ...]) -> None:
    """Print the peak resident memory of one run for each number of photos."""
    peaks_mib: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for count in counts:
            folder = make_folder(Path(scratch) / "photos", count)
            report = Path(scratch) / "report.csv"
            command = [sys.executable, "-m", "geotagger", "tag", "-q", folder, "--report", report]
            peaks_mib[count] = _peak_mib([str(part) for part in command])
            click.echo(f"{count:8} photos {peaks_mib[count]:8.0f} MiB")
    first, last = peaks_mib[counts[0]], peaks_mib[counts[-1]]
    click.echo(f"growth: {100 * (last / first - 1):+.1f} %")
    click.echo(json.dumps({"peak_mib": peaks_mib}))


def _peak_mib(command: list[str]) -> float:
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the run failed with exit code {process.returncode}")
    return usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
