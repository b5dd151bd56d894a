"""Runs the benchmarks and writes their tables into docs/internals/performance.md, with the machine
named.

python -m benchmarks                     half an hour on two quiet cores
python -m benchmarks --only startup --only walk
python -m benchmarks --model FOLDER      throughput with a further bundle (towers.py)
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from geotagger.config import cores

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "internals" / "performance.md"
RESULTS = HERE.parent / "docs" / "internals" / "performance.json"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"

COMMANDS: dict[str, Sequence[str]] = {
    "throughput": ("throughput",),
    "memory": ("memory", "--photos", "300", "--photos", "3000"),
    "memory-small": (
        "memory", "--megapixels", "0.3", "--photos", "300", "--photos", "3000",
        "--photos", "30000",
    ),
    "walk": ("walk",),
    "resume": ("resume",),
    "startup": ("startup",),
    "ray": ("ray",),
    "gpu": ("gpu",),
}  # fmt: skip

BARS = {
    "throughput": "at least 0.92 of the slower of decoding and inference",
    "memory": "growth under 5 % from 3,000 to 30,000 photos",
    "walk": "`walk_photos` under 5 s and 100 MB",
    "resume": "100,000 photos with nothing changed under 10 s",
    "startup": "`geotagger --help` at most 1.5 x `import click`",
    "ray": "at least 0.85 of local",
    "gpu": "at least half the ceiling; end to end bound by decoding alone",
}
"""What is asked for, beside what was measured."""


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(COMMANDS)))
@click.option(
    "--model", "models", multiple=True, help="Bundles for throughput, beside the starter."
)
def main(only: tuple[str, ...], models: tuple[str, ...]) -> None:
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in only or COMMANDS:
        click.echo(name)
        run(name, COMMANDS[name], results)
        if name == "throughput":
            for model in models:
                extra = ("--model", model, "--photos", "16")
                run(f"throughput {Path(model).name}", (*COMMANDS[name], *extra), results)
        write(results)


def write(results: dict[str, Any]) -> None:
    """After each benchmark, for the next one may be interrupted."""
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    before, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}", "utf-8")


def run(name: str, command: Sequence[str], results: dict[str, Any]) -> None:
    script, *arguments = command
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.speed.{script}", *arguments, "--json"],
        stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        click.echo(f"  not measured: exit code {done.returncode}")
        return
    told = json.loads(done.stdout.splitlines()[-1])
    results[name] = {**told, "machine": machine(), "on": datetime.now(UTC).date().isoformat()}


def machine() -> str:
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    python = f"Python {platform.python_version()}"
    return f"{model}, {cores()} cores, {platform.system()}, {python}"


def tables(results: dict[str, Any]) -> str:
    parts = []
    for name, told in results.items():
        kind = name.split()[0].split("-")[0]
        head, rows = TABLES[kind](told)
        lines = [f"**{name}** ({told['machine']}; {told['on']})", "", f"Asked: {BARS[kind]}.", ""]
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


Table = tuple[Sequence[str], Iterable[Sequence[str]]]


def of_throughput(told: dict[str, Any]) -> Table:
    rows = [
        (name, f"{rate:.2f}", f"{told['core_ms'][name]:.1f}")
        for name, rate in told["photos_per_s"].items()
    ]
    rows.append(("end to end / slower of the two", f"{told['ratio']:.2f}", ""))
    rows.append(("the same in core-ms", f"{_in_core_ms(told):.2f}", ""))
    rows.append(("possible on shared cores", f"{told['possible']:.2f}", ""))
    return ("", "photos/s", "core-ms a photo"), rows


def _in_core_ms(told: dict[str, Any]) -> float:
    costs = told["core_ms"]
    return max(costs["decoding"], costs["inference"]) / costs["end to end"]


def of_memory(told: dict[str, Any]) -> Table:
    rows = [(f"{int(count):,}", f"{peak:.0f}") for count, peak in told["peak_mib"].items()]
    rows.append(("growth", f"{told['growth']:+.1%}"))
    return (f"photos of {told['megapixels']:g} MP", "peak MiB"), rows


def of_walk(told: dict[str, Any]) -> Table:
    ways = told["ways"].items()
    rows = [
        (name, f"{one['core_s']:.2f}", f"{one['seconds']:.2f}", f"{one['mib']:.0f}")
        for name, one in ways
    ]
    return (f"{told['files']:,} files", "core-s", "s", "MiB"), rows


def of_resume(told: dict[str, Any]) -> Table:
    rows = [
        (name, f"{one['core_s']:.1f}", f"{one['seconds']:.1f}", f"{one['peak_mib']:.0f}")
        for name, one in told["runs"].items()
    ]
    return (f"{told['photos']:,} photos", "core-s", "s", "peak MiB"), rows


def of_startup(told: dict[str, Any]) -> Table:
    base = told["core_ms"]["import click"]
    return ("", "core-ms", "x import click"), [
        (name, f"{cost:.0f}", f"{cost / base:.2f}") for name, cost in told["core_ms"].items()
    ]


def of_ray(told: dict[str, Any]) -> Table:
    rows = [
        (name, f"{rate:.1f}", f"{told['start_s'][name]:.1f}")
        for name, rate in told["photos_per_s"].items()
    ]
    rows.append(("ray / local", f"{told['ratio']:.2f}", ""))
    return ("", "photos/s", "s to start"), rows


def of_gpu(told: dict[str, Any]) -> Table:
    rows = [
        (f"{size} px, {way}", f"{one['photos_per_s']:.0f}", f"{one.get('idle', 0):.0%}")
        for size, ways in told["sizes"].items()
        for way, one in ways.items()
        if "photos_per_s" in one
    ]
    rows.append(("decoding alone", f"{told['decoding_photos_per_s']:.0f}", ""))
    return (f"{told['gpu']}, {told['ceiling_tflops']:.0f} TFLOP/s", "photos/s", "GPU idle"), rows


TABLES: dict[str, Callable[[dict[str, Any]], Table]] = {
    "throughput": of_throughput,
    "memory": of_memory,
    "walk": of_walk,
    "resume": of_resume,
    "startup": of_startup,
    "ray": of_ray,
    "gpu": of_gpu,
}

if __name__ == "__main__":
    main()
