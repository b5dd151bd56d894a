"""The command line: its commands, and what an error means for the exit code."""

from __future__ import annotations

import os
import sys

import click

from geotagger import __version__
from geotagger.commands import embed, evaluate, explain, models, read, tag, untag, verify
from geotagger.errors import GeotaggerError, UsageError

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="geotagger")
def cli() -> None:
    """Predict where photos were taken, say how sure that is and why, and write it losslessly."""


for command in (
    tag.tag,
    untag.untag,
    verify.verify,
    read.read,
    explain.explain,
    evaluate.evaluate,
    models.models,
    embed.embed,
):
    cli.add_command(command)


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
