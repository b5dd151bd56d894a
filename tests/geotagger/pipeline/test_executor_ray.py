"""The engine for a cluster. Real clusters of Ray, on this machine."""

import json
import os
import shutil
import sqlite3
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli.main import cli
from geotagger.config import RunOptions
from geotagger.errors import DeviceError, GeotaggerError, UsageError
from geotagger.pipeline import executor_ray
from geotagger.pipeline.ray_worker import decides_alone
from geotagger.pipeline.run import run
from tests.fixtures.bundles import make_bundle

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's warnings are not ours


@pytest.fixture
def ray(monkeypatch):
    # workers import this very package, also where the tests run from a checkout
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    return pytest.importorskip("ray")


@pytest.fixture
def options(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for index, colour in enumerate(["red", "lime", "blue", "yellow", "aqua"]):
        Image.new("RGB", (64, 48), colour).save(folder / f"{index}.jpg")
    (folder / "bad.jpg").write_bytes(b"")
    (folder / "raw.nef").write_bytes(b"II*\0" + b"\0" * 100)
    return RunOptions(
        paths=(folder,),
        reports=(tmp_path / "r.jsonl",),
        models=(str(make_bundle(tmp_path / "tiny").path),),
        read_text=False,
        album=True,
        batch_size=2,
        workers=1,
        min_confidence=0.05,
    )


def rows(options):
    run(options)
    return [json.loads(line) for line in options.reports[0].read_text("utf-8").splitlines()]


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
@pytest.mark.parametrize("album", [False, True], ids=["workers-decide", "driver-decides"])
def test_the_same_rows_as_on_one_machine_and_the_journal_serves_both(options, tmp_path, album):
    options = replace(options, album=album)
    assert decides_alone(options) is not album
    expected = rows(options)
    assert len(expected) == 7
    on_ray = replace(options, engine="ray", journal=tmp_path / "done.sqlite")
    assert rows(on_ray) == expected
    assert rows(replace(on_ray, engine="local")) == expected
    assert run(replace(on_ray, engine="local")).resumed == 6  # all but the photo that failed


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_workers_find_the_outputs_for_a_copy(options, tmp_path):
    noted = replace(options, journal=tmp_path / "done.sqlite")
    truth = [row["lat"] for row in rows(noted)]
    with closing(sqlite3.connect(noted.journal)) as journal, journal:  # so that it shows
        (first,) = journal.execute("SELECT answer FROM answers").fetchone()
        journal.execute("UPDATE answers SET answer = ?", (first,))
    shutil.copytree(options.paths[0], tmp_path / "copy")
    copied = replace(noted, engine="ray", paths=(tmp_path / "copy",))
    assert len({row["lat"] for row in rows(copied) if row["lat"] is not None}) == 1
    assert [row["lat"] for row in rows(replace(copied, restart=True))] == truth


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_a_device_that_workers_do_not_have_stops_the_run(options):
    with pytest.raises(DeviceError, match="coreml"):
        rows(replace(options, engine="ray", device="coreml"))
    with pytest.raises(UsageError, match="no node of the Ray cluster has a GPU"):
        rows(replace(options, engine="ray", device="cuda"))


def test_an_address_without_the_engine_is_refused(options):
    with pytest.raises(UsageError, match="a cluster needs --engine ray"):
        rows(replace(options, address="127.0.0.1:1"))


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_a_missing_cluster_is_an_error(options):
    with pytest.raises(GeotaggerError, match="no Ray cluster answers"):
        rows(replace(options, engine="ray", address="127.0.0.1:1"))


def test_without_ray_the_message_says_how_to_get_it(options, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = CliRunner().invoke(
        cli,
        ["tag", str(options.paths[0]), "--engine", "ray", "--no-read-text", "--report",
         str(options.reports[0])],
    )  # fmt: skip
    assert isinstance(done.exception, UsageError)
    assert "pip install 'geotagger-photos[ray]'" in str(done.exception)


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_a_node_that_dies_costs_no_photo(options):
    """Two nodes; one is killed after the first rows. Every photo has its one row, in order."""
    from ray.cluster_utils import Cluster

    # photo by photo: the network's last digits depend on what is in its batch, and a node that dies
    # changes the batches
    options = replace(options, batch_size=1)
    album = options.paths[0]
    for index in range(400):
        Image.new("RGB", (900, 600), (index % 256, 90, index // 2)).save(
            album / f"m{index:03d}.jpg"
        )
    expected = rows(options)
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    second = cluster.add_node(num_cpus=1)
    killed = threading.Event()
    seen = []

    def kill(outcome):
        seen.append(outcome)
        if len(seen) == 3:
            cluster.remove_node(second, allow_graceful=False)
            killed.set()

    try:
        cluster.wait_for_nodes()
        on_ray = replace(options, engine="ray", address=cluster.address)
        run(on_ray, kill)
    finally:
        cluster.shutdown()
        time.sleep(0.1)
    assert killed.is_set()
    found = [json.loads(line) for line in on_ray.reports[0].read_text("utf-8").splitlines()]
    assert found == expected


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_a_run_without_nodes_ends_and_goes_on_when_they_are_back(options, tmp_path, monkeypatch):
    """The only node with a core is killed; Ray would wait for ever for another."""
    from ray.cluster_utils import Cluster

    monkeypatch.setattr(executor_ray, "NODES_CHECKED_S", 0.5)
    monkeypatch.setattr(executor_ray, "NO_NODE_TIMEOUT_S", 1.0)
    album = options.paths[0]
    for index in range(200):
        Image.new("RGB", (90, 60), (index, 90, index // 2)).save(album / f"m{index:03d}.jpg")
    options = replace(options, journal=tmp_path / "done.sqlite", album=False, batch_size=1)
    expected = rows(replace(options, journal=None))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    node = cluster.add_node(num_cpus=1)
    seen = []

    def kill(row):
        seen.append(row)
        if len(seen) == 3:
            cluster.remove_node(node, allow_graceful=False)

    on_ray = replace(options, engine="ray", address=cluster.address)
    try:
        cluster.wait_for_nodes()
        with pytest.raises(GeotaggerError, match=r"no node .* \(1 core\).*goes on from here"):
            run(on_ray, kill)
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        again = run(on_ray)
    finally:
        cluster.shutdown()
    assert 3 <= len(seen) < len(expected)
    assert again.resumed == len([row for row in seen if row["status"] != "failed"])
    found = [json.loads(line) for line in on_ray.reports[0].read_text("utf-8").splitlines()]
    assert found == expected


BUCKET = """
from pathlib import Path
from fsspec.implementations.dirfs import DirFileSystem

class Bucket(DirFileSystem):
    protocol = "bucket"

    def __init__(self, **options):
        super().__init__(path=str(Path(__file__).parent), target_protocol="file", **options)

    @classmethod
    def _strip_protocol(cls, path):
        return path.removeprefix("bucket://").strip("/")
"""
"""A store as its maker would add it to fsspec: the folder of this file."""


@pytest.mark.cluster
@pytest.mark.usefixtures("ray")
def test_workers_read_photos_in_a_store(options, tmp_path, monkeypatch):
    pytest.importorskip("fsspec")
    plugin = tmp_path / "plugin"
    shutil.copytree(options.paths[0], plugin / "album")
    (plugin / "bucket_store.py").write_text(BUCKET, "utf-8")
    info = plugin / "bucket_store-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bucket_store\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[fsspec.specs]\nbucket = bucket_store:Bucket\n")
    monkeypatch.setenv("PYTHONPATH", f"{plugin}{os.pathsep}{os.environ['PYTHONPATH']}")
    monkeypatch.syspath_prepend(plugin)
    fsspec = pytest.importorskip("fsspec")
    fsspec.register_implementation("bucket", "bucket_store.Bucket", clobber=True)
    in_store = replace(options, paths=(Path("bucket://album"),))
    expected = rows(in_store)
    assert [row["path"] for row in expected][:2] == ["bucket://album/0.jpg", "bucket://album/1.jpg"]
    assert [row["lat"] for row in expected] == [row["lat"] for row in rows(options)]
    assert rows(replace(in_store, engine="ray")) == expected
