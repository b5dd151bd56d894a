"""`geotagger doctor` finds what is wrong, says what mends it, and never crashes itself."""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata

import pytest
from click.testing import CliRunner

from geotagger.cli.main import cli
from geotagger.doctor import devices, packages
from geotagger.doctor.checks import can_run, run_checks
from geotagger.doctor.finding import CheckState
from geotagger.errors import DeviceError
from geotagger.vision.bundle import bundle


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path / "state"))


def found(about, name):
    (one,) = [each for each in run_checks() if (each.about, each.name) == (about, name)]
    return one


def requiring(monkeypatch, *lines):
    monkeypatch.setattr(metadata, "requires", lambda _: list(lines))


def test_what_is_well_is_told_and_exits_0(tmp_path):
    done = CliRunner().invoke(cli, ["doctor", "--json"])
    told = json.loads(done.output)
    assert (done.exit_code, told["can_run"]) == (0, True)
    well = {(one["about"], one["name"]) for one in told["findings"] if one["state"] == "ok"}
    assert {("devices", "cpu"), ("models", "starter"), ("models", "text")} <= well
    assert {("data", "places"), ("folders", "journal"), ("program", "geotagger")} <= well
    assert "geotagger tag can run" in CliRunner().invoke(cli, ["doctor"]).output
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_a_missing_package_is_named_with_the_line_that_installs_it(monkeypatch):
    requiring(monkeypatch, "no-such-package>=1.5", "nowhere; sys_platform == 'none'")
    finding = found("packages", "no-such-package")
    assert finding.state is CheckState.BROKEN
    assert finding.remedy == f'{sys.executable} -m pip install "no-such-package>=1.5"'
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 1
    assert finding.remedy in done.output
    assert "cannot run" in done.output
    assert "nowhere" not in done.output


def test_a_version_out_of_range_is_a_warning(monkeypatch):
    requiring(monkeypatch, "click>=999")
    assert found("packages", "click").state is CheckState.POOR
    assert can_run(run_checks())


def test_extras_are_told_apart_from_what_is_always_needed(monkeypatch):
    lines = ["click>=8", "no-such-package>=2; extra == 'ray'", "pillow; extra == 'parquet'"]
    requiring(monkeypatch, *lines)
    monkeypatch.setattr(metadata, "metadata", lambda _: Extras())
    assert [one.name for one in packages.requirements()] == ["click"]
    ray, parquet = packages.extras()
    assert ray.state is CheckState.ABSENT
    assert ray.remedy.endswith('-m pip install "no-such-package>=2"')
    assert (parquet.name, parquet.state) == ("parquet", CheckState.OK)


class Extras:
    def get_all(self, _):
        return ["ray", "parquet"]


def test_what_the_extras_of_a_package_add_must_be_here_too(monkeypatch):
    needs = {
        packages.DISTRIBUTION: ["pillow[here]>=1", "pillow[gone]>=1"],
        "pillow": ["click; extra == 'here'", "no-such-package; extra == 'gone'", "tzdata"],
    }
    monkeypatch.setattr(metadata, "requires", needs.get)
    here, gone = packages.requirements()
    assert here.version
    assert here.requirement == "pillow[here]>=1"
    assert not gone.version


def test_what_developers_need_comes_with_their_copy(monkeypatch):
    requiring(monkeypatch, *(f"no-such-package-{n}; extra == 'ray'" for n in range(9)))
    monkeypatch.setattr(metadata, "metadata", lambda _: Extras())
    (ray,) = packages.extras()
    assert ray.detail == "9 of 9 packages not installed"
    assert ray.remedy == f'in a copy of the repository: {sys.executable} -m pip install -e ".[ray]"'


def test_two_onnxruntimes_are_one_too_many(monkeypatch):
    names = ["onnxruntime", "onnxruntime-gpu"]
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"onnxruntime": names})
    one = next(each for each in packages.packages() if "overwrite" in each.detail)
    assert one.state is CheckState.POOR
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in one.remedy


def test_another_onnxruntime_will_do(monkeypatch):
    monkeypatch.setattr(metadata, "packages_distributions", lambda: {"onnxruntime": ["pillow"]})
    requiring(monkeypatch, "onnxruntime-no-such>=1")
    assert [(one.name, one.state) for one in packages.packages()] == [
        ("onnxruntime-no-such", CheckState.OK)
    ]


def test_without_an_installation_the_rest_is_still_told(monkeypatch):
    def gone(_):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "requires", gone)
    monkeypatch.setattr(metadata, "metadata", gone)
    assert found("packages", "geotagger-photos").state is CheckState.POOR
    assert can_run(run_checks())


@pytest.mark.parametrize("error", [DeviceError("device cpu: no; do this"), RuntimeError("no")])
def test_a_cpu_that_does_not_compute_stops_the_main_job(monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(devices, "open_session", fail)
    finding = found("devices", "cpu")
    assert finding.state is CheckState.BROKEN
    assert "no" in finding.detail
    assert finding.remedy


def test_wrong_numbers_are_noticed(monkeypatch):
    class Wrong:
        def run(self, *_):
            return [[6, 8, 11]], devices.np.array([[2]])

    monkeypatch.setattr(devices, "open_session", lambda *_, **__: Wrong())
    assert "gives wrong numbers" in found("devices", "cpu").detail


@pytest.mark.skipif(sys.platform == "win32", reason="a script of the shell")
@pytest.mark.parametrize("answer", ["echo 'GPU 9, 8192 MiB, 8000 MiB, 1.2'", "exit 9"])
def test_the_memory_of_gpus(tmp_path, monkeypatch, answer):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    gpus = [one for one in run_checks() if one.name == "GPU 9"]
    assert [one.detail for one in gpus] == (
        ["8192 MiB, 8000 MiB free, driver 1.2"] if "echo" in answer else []
    )


def test_a_changed_model_stops_the_main_job_only_if_it_is_our_own(tmp_path, monkeypatch):
    imported = tmp_path / "models" / "mine"
    shutil.copytree(bundle.find_bundle("starter"), imported)
    assert "hashes match" in found("models", "mine").detail
    with (imported / "labels.csv").open("a") as file:
        file.write("changed\n")
    assert found("models", "mine").state is CheckState.POOR
    shutil.copytree(imported, tmp_path / "own" / "starter")
    monkeypatch.setattr(bundle, "EMBEDDED_FOLDER", tmp_path / "own")
    finding = found("models", "starter")
    assert finding.state is CheckState.BROKEN
    assert "labels.csv" in finding.detail
    assert "--force-reinstall" in finding.remedy
    monkeypatch.setattr(bundle, "EMBEDDED_FOLDER", tmp_path / "nothing")
    assert found("models", "starter").state is CheckState.BROKEN


def test_text_models_that_are_gone(tmp_path, monkeypatch):
    import rapidocr

    monkeypatch.setattr(rapidocr, "__file__", str(tmp_path / "x.py"))
    assert found("models", "text").state is CheckState.BROKEN


def test_programs_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    finding = found("programs", "ExifTool")
    assert finding.state is CheckState.ABSENT
    assert "exiftool.org" in finding.remedy


def test_decoders_that_are_not_there(monkeypatch):
    from PIL import features

    monkeypatch.setattr(features, "check", lambda name: name != "webp")
    assert found("data", "decoders").detail == "Pillow was built without WebP"
    assert can_run(run_checks())


def test_a_state_folder_that_cannot_be(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path / "file" / "state"))
    finding = found("folders", "journal")
    assert finding.state is CheckState.POOR
    assert "GEOTAGGER_STATE" in finding.remedy


def test_a_check_that_raises_is_a_finding(monkeypatch):
    from geotagger.geography import places

    def fail():
        raise ImportError("no wheel for this processor")

    monkeypatch.setattr(places, "load_places", fail)
    finding = found("data", "data")
    assert finding.state is CheckState.BROKEN
    assert "no wheel for this processor" in finding.detail


def test_no_network():
    code = (
        "import sys\n"
        "def watch(event, _):\n"
        "    if event.startswith(('socket.connect', 'socket.getaddrinfo', 'socket.sendto')):\n"
        "        raise SystemExit(f'network: {event}')\n"
        "sys.addaudithook(watch)\n"
        "from geotagger.cli.main import cli\n"
        "cli.main(['doctor'], standalone_mode=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "geotagger tag can run" in done.stdout
