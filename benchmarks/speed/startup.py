"""Start-up time of `geotagger --help` relative to `python -c "import click"`.

python -m benchmarks.speed.startup
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from statistics import median

import click

WAYS = {
    "import click": [sys.executable, "-c", "import click"],
    "geotagger --help": [sys.executable, "-m", "geotagger", "--help"],
    "geotagger tag --help": [sys.executable, "-m", "geotagger", "tag", "--help"],
}


@click.command(help=__doc__)
@click.option("--rounds", default=15, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(rounds: int, as_json: bool) -> None:
    """Print CPU times, as wall time depends on other processes too."""
    core_ms: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(rounds):
        for name, command in WAYS.items():
            core_ms[name].append(_core_ms(command))
    medians = {name: median(runs) for name, runs in core_ms.items()}
    if as_json:
        click.echo(json.dumps({"core_ms": medians}))
        return
    for name, cost in medians.items():
        click.echo(
            f"{name:22} {cost:6.0f} core-ms {cost / medians['import click']:5.2f} x import click"
        )


def _core_ms(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return 1000 * (usage.ru_utime + usage.ru_stime)


if __name__ == "__main__":
    main()
