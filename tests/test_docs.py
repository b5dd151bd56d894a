"""Everything that the pages name exists: links, paths, modules, commands, flags."""

import ast
import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import geotagger
from geotagger.cli.main import cli
from geotagger.reports.schema import SCHEMA
from tools.docs import cli_reference

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "training/*.md", "geotagger/**/*.md")
    for path in ROOT.glob(pattern)
    if path.name not in ("CHANGELOG.md", "LOG.md")  # they tell of the past
)
PATH_NAMED = re.compile(r"`((?:geotagger|training|export|tests|tools|benchmarks)/[^`\s:]*)")
MODULE_NAMED = re.compile(r"python -m ((?:geotagger|training|export|tests|tools|benchmarks)[.\w]*)")
SCRIPT_NAMED = re.compile(
    r"python ((?:training|export|tests|tools|benchmarks|examples)/[\w/]+\.py)"
)
LINK = re.compile(r"\]\(([^()\s]+)\)")
CODE = re.compile(r"^```\w*\n.*?^```|(?<=\n\n)(?: {4}[^\n]*\n)+|`[^`]+`", re.S | re.M)
COMMAND = re.compile(r"^[ `$]*(geotagger [a-z][^`\n]*)", re.M)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]+")
OTHER_PROGRAMS = {
    "docker": {"--rm", "--network", "--user", "--gpus", "--target"},
    "pip": {"--require-hashes", "--only-binary", "--no-deps", "--no-index", "--find-links"},
    "pytest": {"--hypothesis-profile"},
    "tensorboard": {"--logdir"},
    "torchrun": {"--nproc-per-node"},
}


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request):
    return request.param


def text_of(path):
    return path.read_text("utf-8")


def without_code(text):
    return CODE.sub("", text)


def anchors(path):
    """The anchors of a page's headings, by GitHub's rule."""
    titles = re.findall(r"^#+ (.*)$", text_of(path), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_links_lead_somewhere(page):
    for target in LINK.findall(without_code(text_of(page))):
        if re.match(r"https?:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_paths_exist(page):
    for name in PATH_NAMED.findall(text_of(page)):
        found = list(ROOT.glob(name.rstrip("/"))) if "*" in name else [ROOT / name]
        assert found, name
        assert all(path.exists() for path in found), name


def test_modules_and_scripts_exist(page):
    for module in MODULE_NAMED.findall(text_of(page)):
        if module.endswith("..."):
            assert list(ROOT.glob(module.removesuffix("...").replace(".", "/") + "*.py")), module
            continue
        file = ROOT / module.rstrip(".").replace(".", "/")
        assert file.with_suffix(".py").is_file() or (file / "__main__.py").is_file(), module
    for script in SCRIPT_NAMED.findall(text_of(page)):
        assert (ROOT / script).is_file(), script


def test_pages_that_code_names_exist():
    own = ("geotagger", "training", "export", "tests", "tools", "benchmarks", "examples")
    for path in (path for folder in own for path in (ROOT / folder).rglob("*.py")):
        for name in re.findall(r"\bdocs/[a-z]+/[\w-]+\.(?:md|json|png)", text_of(path)):
            assert (ROOT / name).is_file(), f"{path}: {name}"


def test_python_blocks_import_what_exists(page):
    for block in re.findall(r"^```python\n(.*?)^```", text_of(page), re.S | re.M):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f"{node.module}.{alias.name}"


def find_command(words):
    """The command that a line calls, with its options; None for prose that no command follows."""
    command, context = cli, click.Context(cli, info_name="geotagger")
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(context, word)
        if found is None:
            return command if command is not cli else None
        command, context = found, click.Context(found, info_name=word, parent=context)
    return command


def flags_of(command):
    options = [param for param in command.params if isinstance(param, click.Option)]
    return {"--help", *(flag for one in options for flag in (*one.opts, *one.secondary_opts))}


def all_commands(group):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield command
        if isinstance(command, click.Group):
            yield from all_commands(command)


def test_commands_exist_and_have_the_flags(page):
    for line in COMMAND.findall("\n".join(CODE.findall(text_of(page)))):
        call = re.split(r"\s{2,}| #|[|;]", line)[0]
        words = shlex.split(call.replace("'", "").replace('"', ""))[1:]
        command = find_command(words)
        assert command is not None, line
        if command.name != "import":  # its further flags are those of the export
            assert set(FLAG.findall(call)) <= flags_of(command), line


@pytest.fixture(scope="module")
def known_flags():
    """The flags of geotagger, and of every script of the project."""
    own = set().union(*(flags_of(command) for command in all_commands(cli)))
    scripts = [
        path
        for folder in ("training", "export", "benchmarks", "tools", "tests/fuzz")
        for path in (ROOT / folder).rglob("*.py")
    ]
    theirs = {flag for path in scripts for flag in re.findall(r'"(--[a-z][\w-]+)', text_of(path))}
    off = {flag.replace("--", "--no-", 1) for flag in theirs}  # argparse.BooleanOptionalAction
    return own.union({"--version"}, theirs, off, *OTHER_PROGRAMS.values())


def test_flags_exist(page, known_flags):
    assert set(FLAG.findall(text_of(page))) - known_flags == set()


def test_the_reference_of_the_command_line_is_up_to_date():
    assert text_of(cli_reference.PAGE) == cli_reference.page(), (
        "a command, flag or help text has changed: run python tools/docs/cli_reference.py"
    )


def test_the_columns_of_reports_are_those_of_the_schema():
    rows = [f"| `{c.name}` | {c.kind} | {c.unit} | {c.meaning} |" for c in SCHEMA]
    assert "\n".join(rows) in text_of(ROOT / "docs" / "guide" / "reports.md")


def test_the_readme_is_short():
    readme = text_of(ROOT / "README.md")
    assert len(readme.splitlines()) <= 120
    rows = [line for line in readme.partition("## Map")[2].splitlines() if line.startswith("| `")]
    assert 0 < len(rows) <= 25


def test_the_python_page_names_what_exists():
    names = set(re.findall(r"geotagger\.([A-Za-z_]+)", text_of(ROOT / "docs/reference/python.md")))
    assert {name for name in names if not hasattr(geotagger, name)} <= {"config"}
    missing = {
        name for name in geotagger.__all__ if name not in text_of(ROOT / "docs/reference/python.md")
    }
    assert missing <= {"__version__"}


@pytest.mark.slow
def test_the_quickstart_runs():
    command = [sys.executable, str(ROOT / "examples" / "quickstart.py")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "taj-mahal.jpg" in done.stdout
