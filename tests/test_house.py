"""Rules of the project that a program can check."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAM = ("geotagger", "training", "export")


def imported(path, *, at_once=False):
    """The top-level packages that a file imports; with `at_once` those at module level, in
    order."""
    module = ast.parse(path.read_text("utf-8"))
    for node in module.body if at_once else ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def fresh(code, *arguments):
    """The output of code in a new interpreter."""
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("geotagger", {"torch", "torchvision", "transformers", "training", "export"}),
        ("training", {"export"}),
    ],
)
def test_arrows_point_one_way(folder, forbidden):
    for path in (ROOT / folder).rglob("*.py"):
        assert not forbidden & set(imported(path)), path


def test_help_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from geotagger.cli.main import cli\n"
        "assert CliRunner().invoke(cli, ['tag', '--help']).exit_code == 0\n"
        "heavy = {'numpy', 'msgspec', 'onnxruntime', 'torch', 'PIL', 'shapely', 'tqdm'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert fresh(code).strip() == "[]"


def test_the_list_of_commands_says_what_each_says_of_itself():
    from geotagger.cli.main import COMMANDS, cli

    for name, words in COMMANDS.items():
        assert cli.get_command(None, name).get_short_help_str(200) == words


def test_a_run_opens_no_socket(tmp_path):
    code = (
        "import sys\n"
        "def watch(event, _):\n"
        "    if event.startswith(('socket.connect', 'socket.getaddrinfo', 'socket.sendto')):\n"
        "        raise SystemExit(f'network: {event}')\n"
        "sys.addaudithook(watch)\n"
        "from geotagger.cli.main import cli\n"
        "cli.main(['tag', '-q', *sys.argv[1:]], standalone_mode=False)\n"
        "print('done')"
    )
    report = tmp_path / "r.csv"
    assert fresh(code, str(ROOT / "examples"), "--report", str(report)).strip() == "done"
    assert len(report.read_text("utf-8").splitlines()) == 11


CLIENTS = {
    "aiohttp", "ftplib", "http", "httpx", "huggingface_hub", "requests", "smtplib", "socket", "ssl",
    "telnetlib", "urllib", "urllib3", "xmlrpc",
}  # fmt: skip
ALLOWED = {
    "geotagger/loopback/serving.py": "listens on this computer",
    "geotagger/pipeline/executor_ray.py": "asks for the name of this computer",
    "geotagger/reports/formats/kml.py": "quotes addresses",
}


def test_only_downloads_open_a_connection():
    """fsspec, for photos at an address that the user gives, and Ray come by their own names."""
    for path in (ROOT / "geotagger").rglob("*.py"):
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith("geotagger/download/") and name not in ALLOWED:
            assert not CLIENTS & set(imported(path)), name


def test_only_what_pulls_can_reach_the_code_that_downloads():
    known = modules()
    for name, (_, tree) in known.items():
        reached = {one for one in imported_modules(tree, known) if ".download." in one}
        if name in ("geotagger.cli.models", "geotagger.app.pull_worker"):
            assert reached == {"geotagger.download.pull"}
        elif not name.startswith("geotagger.download"):
            assert reached <= {"geotagger.download.known"}, name  # a table


def test_other_commands_on_models_open_no_socket():
    code = (
        "import sys\n"
        "def watch(event, _):\n"
        "    if event.startswith('socket.'):\n"
        "        raise SystemExit(f'network: {event}')\n"
        "sys.addaudithook(watch)\n"
        "from geotagger.cli.main import cli\n"
        "for words in ('list', 'info starter', 'check starter', 'recommend'):\n"
        "    cli.main(['models', *words.split()], standalone_mode=False)\n"
        "print('done')"
    )
    assert fresh(code).endswith("done\n")


def test_onnxruntime_reports_to_nobody(tmp_path, monkeypatch):
    """Telemetry runs in native code, which audit hooks do not see, but leaves files in the home
    folder."""
    for name in ("HOME", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    for name in ("ORT_DISABLE_TELEMETRY", "CI", "ORT_RUNNING_UNIT_TESTS"):
        monkeypatch.delenv(name, raising=False)
    for module in (
        "geotagger.vision.runtime.devices",
        "geotagger.text.ocr.reader",
        "geotagger.vision.runtime.encoders",
    ):
        fresh(
            f"import {module}, onnxruntime, os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
        )
    assert not list(tmp_path.rglob("*onnxruntime*"))


@pytest.mark.parametrize("folder", ["geotagger", "training", "export"])
def test_a_package_forbids_onnxruntime_to_report_before_it_can_load_it(folder):
    code = (
        f"import {folder}, os, sys\nprint(os.environ['ORT_DISABLE_TELEMETRY'], list(sys.modules))"
    )
    forbidden, modules = fresh(code).split(maxsplit=1)
    assert forbidden == "1"
    assert "'onnxruntime'" not in modules


@pytest.mark.parametrize("folder", ["benchmarks", "tools"])
def test_a_script_loads_geotagger_before_onnxruntime(folder):
    for path in (ROOT / folder).rglob("*.py"):
        names = list(imported(path, at_once=True))
        if "onnxruntime" in names:
            assert "geotagger" in names[: names.index("onnxruntime")], path


@cache
def modules():
    """Path and syntax tree of each module of the program, by its dotted name."""
    found = {}
    for path in sorted(path for folder in PROGRAM for path in (ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = path, ast.parse(path.read_text("utf-8"))
    return found


def imported_modules(node, known):
    """The modules that the code below a node imports, also inside functions and for types."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            names = (f"{child.module}.{alias.name}" for alias in child.names)
            yield from (name if name in known else child.module for name in names)
        yield from imported_modules(child, known)


def test_there_is_no_import_circle():
    known = modules()
    graph = {name: set(imported_modules(tree, known)) for name, (_, tree) in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_two_classes_have_the_same_name():
    homes = defaultdict(list)
    for name, (_, tree) in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(name)
    assert not {name: where for name, where in homes.items() if len(where) > 1}


def test_every_package_says_what_it_is_for():
    for name, (path, tree) in modules().items():
        if path.name == "__init__.py":
            assert ast.get_docstring(tree), name


def test_percentages_have_a_space():
    """`40 %`, as in the docs, not `40%`."""
    for folder in ("geotagger", "training", "export", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(r":[^{}%]*%\}|[0-9]f\}%", path.read_text("utf-8")), path


def test_no_module_has_an_empty_name():
    for folder in ("geotagger", "training", "export", "tests", "benchmarks"):
        for path in (ROOT / folder).rglob("*.py"):
            assert path.stem not in {"util", "utils", "common", "helper", "helpers", "misc"}, path


def test_help_names_every_status_exit_code_and_column_of_the_docs():
    from geotagger.reports.schema import COLUMNS
    from geotagger.types import Level, Status

    report = (ROOT / "docs" / "guide" / "reports.md").read_text("utf-8")
    for name in (*COLUMNS, *Status, *Level):
        assert f"`{name}`" in report, f"docs/guide/reports.md does not explain {name}"
