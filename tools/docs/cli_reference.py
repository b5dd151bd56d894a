"""The reference of the command line, docs/reference/cli.md, from click's own commands.

    python tools/docs/cli_reference.py

Run it after a change to a command, a flag or a help text; a test compares page and commands.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from geotagger.cli.main import cli

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "cli.md"
PREDICTING = ("tag", "verify", "explain", "evaluate")
"""Commands that share the flags of a prediction."""
HEAD = """\
# The command line

Generated from the help texts by `python tools/docs/cli_reference.py`; do not edit this page.

Every command has `-h` and `--help`; `geotagger --version` prints the version. The exit codes are
in [reports.md](../guide/reports.md).
"""
SHARED_TITLE = "Flags of every command that predicts"
SHARED_LINK = (
    "Also the [flags of every command that predicts](#flags-of-every-command-that-predicts)."
)


def page() -> str:
    """The whole page: every command in the order of `geotagger --help`, then the shared flags."""
    root = click.Context(cli, info_name="geotagger")
    shared = _shared_rows(root)
    parts = [HEAD, *_sections(cli, root, shared), f"## {SHARED_TITLE}\n", _table(shared)]
    return "\n".join(parts)


def _shared_rows(root: click.Context) -> list[str]:
    """Rows that all of the predicting commands have, in the order of the first."""
    first, *others = (_rows(*_command(cli, name, root)) for name in PREDICTING)
    return [row for row in first if all(row in rows for rows in others)]


def _sections(group: click.Group, context: click.Context, shared: Sequence[str]) -> Iterator[str]:
    for name in group.list_commands(context):
        command, inner = _command(group, name, context)
        yield _section(command, inner, shared)
        if isinstance(command, click.Group):
            yield from _sections(command, inner, shared)


def _command(
    group: click.Group, name: str, context: click.Context
) -> tuple[click.Command, click.Context]:
    command = group.get_command(context, name)
    assert command is not None
    return command, click.Context(command, info_name=name, parent=context)


def _section(command: click.Command, context: click.Context, shared: Sequence[str]) -> str:
    depth = "#" * len(context.command_path.split())
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{depth} {context.command_path}\n", f"    {usage}\n"]
    help_text = inspect.cleandoc(command.help or "")
    parts += [_paragraph(text) for text in re.split(r"\n\n+", help_text)]
    rows = _rows(command, context)
    own = [row for row in rows if row not in shared]
    predicts = len(own) < len(rows)
    if own:
        parts.append(_table(own))
    if predicts:
        parts.append(f"{SHARED_LINK}\n")
    return "\n".join(parts)


def _paragraph(text: str) -> str:
    """One paragraph of a help text; one that click must not wrap (\\b) becomes a code block."""
    mark, _, lines = text.partition("\n")
    if mark == "\b":
        return f"```sh\n{lines}\n```\n"
    return " ".join(line.strip() for line in text.splitlines()) + "\n"


def _rows(command: click.Command, context: click.Context) -> list[str]:
    options = [option for option in command.params if isinstance(option, click.Option)]
    records = [option.get_help_record(context) for option in options]
    return [_row(*record) for record in records if record is not None]


def _row(flag: str, meaning: str) -> str:
    flag, meaning = (re.sub(r"\s+", " ", text).strip() for text in (flag, meaning))
    escaped = flag.replace("|", r"\|"), meaning.replace("|", r"\|")
    return f"| `{escaped[0]}` | {escaped[1]} |"


def _table(rows: Sequence[str]) -> str:
    return "\n".join(["| flag | meaning |", "|---|---|", *rows]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
