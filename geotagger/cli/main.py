"""The command line: its commands, and what an error means for the exit code."""

from __future__ import annotations

import os
import sys

import click

from geotagger.errors import GeotaggerError, UsageError
from geotagger.version import __version__

INTERRUPTED = 130

COMMANDS = {
    "tag": "Predict where the photos under PATH... were taken.",
    "untag": "Put photos back exactly as they were before geotagger wrote to them, sidecars too.",
    "verify": "Compare the GPS in photos with where they seem to have been taken.",
    "report": "Convert a report, or show a part of it.",
    "read": "Show the text in photos, and what each word of it says of the place.",
    "explain": "Explain where PHOTO was placed: the belief on a map, "
    "and what each source did to it.",
    "evaluate": "Score predictions on photos whose place is known.",
    "review": "Look at a report on a page, correct and approve it, then write what was approved.",
    "apply": "Write into photos what `geotagger review REPORT` approved, and nothing else.",
    "models": "List, show, check and import vision bundles.",
    "embed": "Write vectors of photos or positions.",
    "doctor": "Tell what is installed, which devices truly run, and how to mend what is missing.",
}
"""Each stands in `geotagger.cli` under its own name, and begins its help with these words."""


class Commands(click.Group):
    """Loads a command when it is asked for: help and shell completion need but names."""

    def list_commands(self, _: click.Context | None = None) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _: click.Context | None, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = getattr(import_module(f"geotagger.cli.{name}"), name)
        return command

    def format_commands(self, _: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="geotagger")
def cli() -> None:
    """Predict where photos were taken, say how sure that is and why, and write it losslessly.

    \b
    geotagger tag ~/Photos
    geotagger explain IMG_0042.jpg --report why.html
    geotagger tag --help
    """


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
    except ImportError as error:
        _fail(f"{error}; geotagger doctor tells how to mend that", GeotaggerError.exit_code)


def _fail(message: str, exit_code: int) -> None:
    from geotagger.printable import printable

    shown = "\n".join(map(printable, message.split("\n")))  # file names may hold escapes
    click.echo(f"geotagger: {shown}", err=True)
    sys.exit(exit_code)
