"""Every benchmark, builder and fuzzer starts and explains itself."""

import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("benchmarks", "tools/build_data", "tests/fuzz")
COMMANDS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*.py")
    if 'if __name__ == "__main__":' in path.read_text("utf-8")
)


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("command", COMMANDS)
def test_help(command, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [command, "--help"])
    try:
        with pytest.raises(SystemExit) as stopped:
            runpy.run_module(command, run_name="__main__", alter_sys=True)
    except ModuleNotFoundError as error:
        if error.name.partition(".")[0] in {"benchmarks", "geotagger", "tests", "tools"}:
            raise
        pytest.skip(f"{error.name} is not installed")
    assert not stopped.value.code
    assert "--help" in capsys.readouterr().out
