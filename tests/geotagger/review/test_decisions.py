"""The journal of decisions: no decision is lost."""

import json
import os
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.errors import UsageError
from geotagger.review.decisions import UNDECIDED, Decision, Decisions, PhotoKey, journal_path
from geotagger.types import Point

A, B = PhotoKey("a.jpg", "1" * 64), PhotoKey("b.jpg", "2" * 64)
APPROVED, REJECTED = Decision("approved"), Decision("rejected", note="not there")
MOVED = Decision("corrected", Point(1.5, -2.25), 3.0, "seen it")


@pytest.fixture
def report(tmp_path):
    return tmp_path / "r.csv"


def test_decisions_are_there_again(report):
    with Decisions(report) as decisions:
        decisions.decide({A: APPROVED})
        decisions.decide({A: MOVED, B: REJECTED})
    with Decisions(report) as decisions:
        assert dict(decisions) == {A: MOVED, B: REJECTED}


def test_another_content_is_another_photo(report):
    with Decisions(report) as decisions:
        decisions.decide({A: APPROVED})
        assert decisions.of(PhotoKey("a.jpg", "3" * 64)) == UNDECIDED


def test_undo_takes_a_whole_batch_back_also_after_a_restart(report):
    with Decisions(report) as decisions:
        decisions.decide({A: REJECTED})
        decisions.decide({A: APPROVED, B: APPROVED})
    with Decisions(report) as decisions:
        assert set(decisions.undo()) == {A, B}
        assert (decisions.of(A), decisions.of(B)) == (REJECTED, UNDECIDED)
    with Decisions(report) as decisions:
        assert decisions.of(A) == REJECTED
        assert decisions.undo() == [A]
        assert decisions.of(A) == UNDECIDED
        assert not decisions.undoable
        assert decisions.undo() == []


def test_a_torn_last_line_costs_only_itself(report):
    with Decisions(report) as decisions:
        decisions.decide({A: APPROVED})
        decisions.decide({B: APPROVED})
    path = journal_path(report)
    path.write_bytes(path.read_bytes()[:-20])
    with Decisions(report) as decisions:
        assert decisions.damaged == 1
        assert dict(decisions) == {A: APPROVED}
        decisions.decide({B: REJECTED})
    with Decisions(report) as decisions:
        assert dict(decisions) == {A: APPROVED, B: REJECTED}
        assert decisions.damaged == 1


@given(st.integers(0, 1000))
def test_wherever_it_is_torn_the_lines_before_count(tmp_path_factory, cut):
    report = tmp_path_factory.mktemp("torn") / "r.csv"
    with Decisions(report) as decisions:
        for number in range(4):
            decisions.decide({PhotoKey(str(number), "0"): APPROVED})
    data = journal_path(report).read_bytes()
    kept = data[: cut % (len(data) + 1)]
    journal_path(report).write_bytes(kept)
    with Decisions(report) as decisions:
        assert kept.count(b"\n") <= len(dict(decisions)) <= kept.count(b"\n") + 1


@pytest.mark.parametrize(
    "line",
    [
        {"changes": [{"path": "a", "state": "maybe"}]},
        {"changes": [{"path": "a", "state": "corrected"}]},
        {"changes": [{"path": "a", "state": "corrected", "lat": 91, "lon": 0, "radius_km": 1}]},
        {"changes": [{"state": "approved"}]},
        {"changes": 3},
        [1],
    ],
)
def test_lines_that_make_no_sense_are_left_out(report, line):
    journal_path(report).write_text(json.dumps(line) + "\n")
    with Decisions(report) as decisions:
        assert decisions.damaged == 1
        assert not dict(decisions)


@pytest.mark.skipif(os.name == "nt", reason="no such lock on Windows")
def test_two_reviews_of_one_report_are_refused(report):
    with Decisions(report), pytest.raises(UsageError, match="close the other review"):
        Decisions(report)


def test_what_is_written_is_known_until_it_is_decided_anew(report):
    with Decisions(report) as decisions:
        decisions.decide({A: MOVED})
        decisions.wrote(A, MOVED)
        assert decisions.is_written(A)
    with Decisions(report) as decisions:
        assert decisions.is_written(A)
        decisions.decide({A: Decision("corrected", MOVED.point, MOVED.radius_km, "another note")})
        assert decisions.is_written(A)
        decisions.decide({A: APPROVED})
        assert not decisions.is_written(A)


def test_a_review_without_a_word_leaves_no_journal(report):
    with Decisions(report):
        pass
    assert not journal_path(report).exists()


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_what_was_acknowledged_survives_kill_9(report):
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from geotagger.review.decisions import *\n"
        "decisions = Decisions(Path(sys.argv[1]))\n"
        "for number in range(100000):\n"
        "    decisions.decide({Key(str(number), '0'): Decision('approved')})\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(report)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        last = -1
        for line in process.stdout:
            last = int(line)
            if last == 40:
                process.send_signal(signal.SIGKILL)
    with Decisions(report) as decisions:
        assert len(dict(decisions)) >= last + 1
