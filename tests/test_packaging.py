"""What is installed: the locks, the licences, wheel and sdist in bare environments."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAX_WHEEL_BYTES = 90_000_000
"""Places, names, words and the embedded model."""
MAX_INSTALLED_BYTES = 900_000_000
"""geotagger and all that it needs; ONNX Runtime for CUDA is half of it."""

LOCKS = {
    "requirements.lock": PROJECT["dependencies"],
    "requirements-cuda.lock": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["cuda"],
}


def locked(name):
    """Versions by package, and the hashes; a package may be locked twice, for two Pythons."""
    versions = {}
    for entry in re.split(r"\n(?=\S)", (ROOT / name).read_text("utf-8")):
        if entry.startswith("#"):
            continue
        line = entry.partition("\\")[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), line
        pinned = Requirement(line)
        (pin,) = pinned.specifier
        assert pin.operator == "=="
        versions.setdefault(pinned.name, []).append(pin.version)
    return versions


@pytest.mark.parametrize("name", LOCKS)
def test_the_lock_holds_every_package_in_its_range_and_no_host(name):
    versions = locked(name)
    for needed in map(Requirement, LOCKS[name]):
        assert versions.get(needed.name), f"{needed.name} is not in {name}: make it again"
        for version in versions[needed.name]:
            assert needed.specifier.contains(version), f"{needed}: {name} has {version}"
    assert "://" not in (ROOT / name).read_text("utf-8")


def test_ranges_have_a_lower_end_alone():
    """An upper end would be a guess: what breaks is seen, for the newest are tested."""
    for needed in map(Requirement, PROJECT["dependencies"]):
        assert [one.operator for one in needed.specifier] in (["=="], [">="], []), str(needed)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Wheel and sdist, built from a copy of what is under version control."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no checkout")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("docs/images/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, source / name)
    code = (
        "import os, sys\n"
        "from hatchling import build\n"
        "print(build.build_wheel(sys.argv[1]))\n"
        "print(build.build_sdist(sys.argv[1]))"
    )
    pytest.importorskip("hatchling")
    done = subprocess.run(
        [sys.executable, "-c", code, str(out)], cwd=source, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wheel, sdist = done.stdout.split()[-2:]
    return out / wheel, out / sdist


def test_every_data_file_and_bundle_has_its_notice():
    notice = (ROOT / "NOTICE.md").read_text("utf-8")
    data = [path for path in (ROOT / "geotagger/data").iterdir() if path.suffix != ".py"]
    bundles = list((ROOT / "geotagger/bundles").iterdir())
    carried = [path for path in (*data, *bundles) if not path.name.startswith(("__", "."))]
    assert len(carried) > 30
    names = [f"{path.name}/`" if path.is_dir() else f"{path.name}`" for path in carried]
    assert [name for name in names if name not in notice] == []


@pytest.mark.slow
def test_the_wheel_is_whole_and_small(built):
    wheel, _ = built
    assert wheel.stat().st_size <= MAX_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    for path in (ROOT / "geotagger").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert str(path.relative_to(ROOT).as_posix()) in names
    assert {name.split("/")[0].split("-")[0] for name in names} == {"geotagger", "geotagger_photos"}
    assert any(name.endswith("licenses/NOTICE.md") for name in names)
    assert "geotagger/py.typed" in names  # type checkers of other projects see our types


@pytest.mark.slow
def test_the_sdist_makes_the_same_wheel(built, tmp_path):
    wheel, sdist = built
    with tarfile.open(sdist) as file:
        file.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    code = "import sys; from hatchling import build; print(build.build_wheel(sys.argv[1]))"
    again = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], cwd=folder, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(tmp_path / again.stdout.split()[-1]) as two:
        assert {i.filename: i.CRC for i in one.infolist()} == {
            i.filename: i.CRC for i in two.infolist()
        }


@pytest.mark.slow
def test_the_wheel_alone_does_the_main_job_offline(built, tmp_path):
    """In an environment of its own, with the packages that geotagger names and no others."""
    wheel, _ = built
    venv.create(tmp_path / "venv", symlinks=os.name != "nt")
    paths = sysconfig.get_paths(
        "venv", {"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")}
    )
    site = Path(paths["purelib"])
    with zipfile.ZipFile(wheel) as file:
        file.extractall(site)
    for name in needed_by(PROJECT["dependencies"]):
        link(metadata.distribution(name), site)
    python = Path(paths["scripts"]) / ("python.exe" if os.name == "nt" else "python")
    code = (
        "import sys\n"
        "def watch(event, _):\n"
        "    if event.startswith(('socket.connect', 'socket.getaddrinfo', 'socket.sendto')):\n"
        "        raise SystemExit(f'network: {event}')\n"
        "sys.addaudithook(watch)\n"
        "from geotagger.cli.main import main\n"
        "main()"
    )
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "PATH": os.environ["PATH"]}
    home |= {name: os.environ[name] for name in ("SYSTEMROOT", "TEMP") if name in os.environ}
    for arguments in (["tag", "-q", str(ROOT / "examples")], ["doctor"]):
        done = subprocess.run(
            [python, "-I", "-c", code, *arguments], cwd=tmp_path, env=home, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    assert len((tmp_path / "geotagger-report.csv").read_text("utf-8").splitlines()) == 11
    assert "geotagger tag can run" in done.stdout
    assert str(site) in done.stdout, "the installed copy ran, not the checkout"
    assert size(site) <= MAX_INSTALLED_BYTES


def needed_by(lines):
    """The packages that these lines need here, and what those need, and so on."""
    found, waiting = {}, list(map(Requirement, lines))
    while waiting:
        needed = waiting.pop()
        fits = needed.marker is None or needed.marker.evaluate({"extra": ""})
        if fits and needed.name.lower() not in found:
            found[needed.name.lower()] = needed.name
            try:
                waiting += map(Requirement, metadata.requires(needed.name) or ())
            except metadata.PackageNotFoundError:
                pytest.skip(f"{needed.name} is not installed")
    return list(found.values())


def link(distribution, site):
    """Puts a package that is installed here into another environment, without a copy of it."""
    roots = {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}
    for root in roots - {"__pycache__"}:
        if not (site / root).exists():
            source = Path(str(distribution.locate_file(root)))
            try:
                (site / root).symlink_to(source, target_is_directory=source.is_dir())
            except OSError:  # Windows lets not everyone make links
                copy = shutil.copytree if source.is_dir() else shutil.copy
                copy(source, site / root)


def size(folder):
    files = (
        Path(top) / name for top, _, names in os.walk(folder, followlinks=True) for name in names
    )
    return sum(file.stat().st_size for file in files)


def test_the_page_of_licences_is_that_of_the_lock():
    page = (ROOT / "docs" / "policy" / "licences.md").read_text("utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()
            if line.startswith("| ")][1:]  # fmt: skip
    told = [(name, version) for name, version, *_ in rows]
    assert told == [
        (name, one) for name, all_ in locked("requirements.lock").items() for one in all_
    ]
    for name, _, licence, by in rows:
        assert licence, name
        assert by, name
        assert "GPL" not in licence, f"{name}: may a program under MIT need it?"
