"""Run the speed benchmarks and write their tables and the machine into the docs.

python -m benchmarks                     all; half an hour on two idle cores
python -m benchmarks --only startup --only walk
python -m benchmarks --model FOLDER      throughput with another bundle too (fixtures/towers.py)

The page is docs/internals/performance.md. The other benchmarks (decode, text, page, write_speed,
peers, many_photos, gpu_decode, quality/) need files of your own or fill no table; each runs alone,
as `python -m benchmarks.speed.decode`.
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
    "startup": "`geotagger --help` at most 1.4 x `import click`",
    "ray": "at least 0.85 of local",
    "gpu": "at least half the ceiling; end to end bound by decoding alone",
}
"""Targets, printed next to the results."""


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(COMMANDS)))
@click.option("--model", "models", multiple=True, help="Further bundles for throughput.")
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
    """Called after every benchmark, so an interrupted run keeps its results."""
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
    figures = json.loads(done.stdout.splitlines()[-1])
    results[name] = {**figures, "machine": machine(), "on": datetime.now(UTC).date().isoformat()}


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
    for name, figures in results.items():
        kind = name.split()[0].split("-")[0]
        head, rows = TABLES[kind](figures)
        lines = [
            f"**{name}** ({figures['machine']}; {figures['on']})",
            "",
            f"Target: {BARS[kind]}.",
            "",
        ]
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" + "---:|" * (len(head) - 1)]
        lines += ["| " + " | ".join(row) + " |" for row in rows]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


Table = tuple[Sequence[str], Iterable[Sequence[str]]]


def of_throughput(figures: dict[str, Any]) -> Table:
    rows = [
        (name, f"{rate:.2f}", f"{figures['core_ms'][name]:.1f}")
        for name, rate in figures["photos_per_s"].items()
    ]
    rows.append(("end to end / slower of the two", f"{figures['ratio']:.2f}", ""))
    rows.append(("the same in core-ms", f"{_in_core_ms(figures):.2f}", ""))
    rows.append(("possible on shared cores", f"{figures['possible']:.2f}", ""))
    return ("", "photos/s", "core-ms a photo"), rows


def _in_core_ms(figures: dict[str, Any]) -> float:
    costs = figures["core_ms"]
    return max(costs["decoding"], costs["inference"]) / costs["end to end"]


def of_memory(figures: dict[str, Any]) -> Table:
    rows = [(f"{int(count):,}", f"{peak:.0f}") for count, peak in figures["peak_mib"].items()]
    rows.append(("growth", f"{100 * figures['growth']:+.1f} %"))
    return (f"photos of {figures['megapixels']:g} MP", "peak MiB"), rows


def of_walk(figures: dict[str, Any]) -> Table:
    ways = figures["ways"].items()
    rows = [
        (name, f"{one['core_s']:.2f}", f"{one['seconds']:.2f}", f"{one['mib']:.0f}")
        for name, one in ways
    ]
    return (f"{figures['files']:,} files", "core-s", "s", "MiB"), rows


def of_resume(figures: dict[str, Any]) -> Table:
    rows = [
        (name, f"{one['core_s']:.1f}", f"{one['seconds']:.1f}", f"{one['peak_mib']:.0f}")
        for name, one in figures["runs"].items()
    ]
    return (f"{figures['photos']:,} photos", "core-s", "s", "peak MiB"), rows


def of_startup(figures: dict[str, Any]) -> Table:
    base = figures["core_ms"]["import click"]
    return ("", "core-ms", "x import click"), [
        (name, f"{cost:.0f}", f"{cost / base:.2f}") for name, cost in figures["core_ms"].items()
    ]


def of_ray(figures: dict[str, Any]) -> Table:
    rows = [
        (name, f"{rate:.1f}", f"{figures['start_s'][name]:.1f}")
        for name, rate in figures["photos_per_s"].items()
    ]
    rows.append(("ray / local", f"{figures['ratio']:.2f}", ""))
    return ("", "photos/s", "s to start"), rows


def of_gpu(figures: dict[str, Any]) -> Table:
    rows = [
        (f"{size} px, {way}", f"{one['photos_per_s']:.0f}", f"{100 * one.get('idle', 0):.0f} %")
        for size, ways in figures["sizes"].items()
        for way, one in ways.items()
        if "photos_per_s" in one
    ]
    rows.append(("decoding alone", f"{figures['decoding_photos_per_s']:.0f}", ""))
    return (
        f"{figures['gpu']}, {figures['ceiling_tflops']:.0f} TFLOP/s",
        "photos/s",
        "GPU idle",
    ), rows


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
