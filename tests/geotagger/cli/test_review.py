"""`geotagger review` as a command: what stops it, and what it leaves behind."""

import socket

import pytest
from click.testing import CliRunner

from geotagger.cli.main import cli
from geotagger.errors import UsageError
from geotagger.reports.schema import COLUMNS
from geotagger.review.decisions import journal_path
from tests.fixtures.reviewing import drawn_outcomes
from tests.fixtures.samples import write_report


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


def test_a_report_without_photos_is_refused_and_leaves_no_journal(tmp_path):
    report = tmp_path / "r.csv"
    report.write_text(",".join(COLUMNS) + "\n")
    with pytest.raises(UsageError, match="the report has no rows"):
        run("review", report, "--no-browser")
    assert not journal_path(report).exists()


def test_a_page_cannot_be_reviewed_but_what_can_is_named(tmp_path):
    report = write_report(tmp_path / "r.html", drawn_outcomes(tmp_path / "photos"))
    with pytest.raises(UsageError, match=r"\.csv"):
        run("review", report, "--no-browser")


def test_a_used_port_is_refused(tmp_path):
    report = write_report(tmp_path / "r.csv", drawn_outcomes(tmp_path / "photos"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port} cannot be used"):
            run("review", report, "--no-browser", "--port", port)


def test_the_server_listens_on_the_loopback_alone(tmp_path, monkeypatch):
    import uvicorn

    from geotagger.review.decisions import Decisions
    from geotagger.review.server import serve
    from geotagger.review.session import ReviewSession

    bound = []
    monkeypatch.setattr(
        uvicorn.Server, "run", lambda _, sockets: bound.append(sockets[0].getsockname()[0])
    )
    report = write_report(tmp_path / "r.csv", drawn_outcomes(tmp_path / "photos"))
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        addresses = []
        serve(session, 0, addresses.append)
        session.close()
    assert bound == ["127.0.0.1"]
    assert addresses[0].startswith("http://127.0.0.1:")
    assert len(addresses[0].partition("token=")[2]) > 40
