"""Short runs of the fuzzers and the kill runs. `python -m tests.fuzz.NAME` makes long ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.inputs import read_valid
from tests.fuzz.targets import targets

ROOT = Path(__file__).parents[2]


def output(module, *arguments):
    """What a fuzzer prints; it fails when it finds something."""
    command = [sys.executable, "-m", f"tests.fuzz.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_valid_inputs_are_accepted():
    pytest.importorskip("pyarrow")
    pytest.importorskip("tokenizers")
    for target in targets().values():
        read_valid(target)


@pytest.mark.slow
def test_damaged_inputs(tmp_path):
    pytest.importorskip("pyarrow")
    pytest.importorskip("tokenizers")
    assert "refused" in output("inputs", "--seconds", "30", "--save", tmp_path)


@pytest.mark.slow
def test_damaged_photos():
    assert "written" in output("metadata", "--count", "500")


@pytest.mark.slow
def test_killed_runs():
    told = output("kill", "--rounds", "6", "--photos", "12")
    assert "; 0 broken" in told
    assert "every original back: True" in told
    assert "every copy the original: True" in told
    assert "temporary files left: 0" in told
