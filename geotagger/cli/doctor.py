"""`geotagger doctor`: check the installation."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from geotagger.doctor.finding import CheckFinding

CANNOT_RUN = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def doctor(as_json: bool) -> None:
    """Check the installation: packages, devices, models.

    Each device of ONNX Runtime runs a small network, and each model is compared with its hashes.
    Nothing is written, and no network is used. The exit code is 0 if `geotagger tag` can run. Add
    the output to a bug report.

    \b
    geotagger doctor
    geotagger doctor --json
    """
    from geotagger.doctor.checks import can_run, run_checks

    findings = run_checks()
    fine = can_run(findings)
    if as_json:
        document = {"can_run": fine, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        _show(findings, fine)
    if not fine:
        sys.exit(CANNOT_RUN)


def _show(findings: list[CheckFinding], fine: bool) -> None:
    about = ""
    for finding in findings:
        if finding.about != about:
            about = finding.about
            click.echo(f"\n{about}" if finding is not findings[0] else about)
        click.echo(f"  {finding.state:7} {finding.name:18} {finding.detail}")
        if finding.remedy:
            click.echo(f"  {'':7} {'':18} -> {finding.remedy}")
    click.echo()
    if fine:
        click.echo("geotagger tag can run.")
    else:
        click.echo("geotagger tag cannot run: repair what is marked broken, from the top.")
