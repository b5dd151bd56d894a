"""The command line: its commands, and the exit codes of errors."""

from __future__ import annotations

import os
import sys

import click

from geotagger.errors import GeotaggerError, UsageError
from geotagger.version import __version__

INTERRUPTED = 130

COMMANDS = {
    "app": "Choose folders, predict, review and write on one local page.",
    "tag": "Predict where photos were taken.",
    "untag": "Restore photos to the state before geotagger wrote to them.",
    "verify": "Compare the GPS in photos with their predictions.",
    "report": "Convert, filter, sort or group a report.",
    "read": "Show the text in photos and what it says about the place.",
    "explain": "Explain the prediction of a photo: maps, and the effect of each source.",
    "evaluate": "Score predictions on photos with known places.",
    "review": "Review a report on a local page: approve, correct and reject predictions.",
    "apply": "Write the predictions that a review approved.",
    "models": "Pull, recommend, list, show, calibrate, check and import models.",
    "embed": "Write embeddings of photos or positions.",
    "doctor": "Check the installation: packages, devices, models.",
}
"""Command name -> summary; must match its help."""


class Commands(click.Group):
    """Loads a command when it runs: help and shell completion need only names."""

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
    """Predict where photos were taken, and write it into their metadata losslessly.

    \b
    geotagger tag ~/Photos
    geotagger explain IMG_0042.jpg --report why.html
    geotagger tag --help
    """


def main() -> None:
    """Run the command line. Every error becomes a message and an exit code here."""
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
        _fail(f"{error}; geotagger doctor says how to repair that", GeotaggerError.exit_code)


def _fail(message: str, exit_code: int) -> None:
    from geotagger.printable import printable

    shown = "\n".join(map(printable, message.split("\n")))  # file names may contain escapes
    click.echo(f"geotagger: {shown}", err=True)
    sys.exit(exit_code)
