"""GeoCLIP's part from a wheel: fetched by pip with its hash, read without unpickling."""

import hashlib
import io
import pickle
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from geotagger.cli.main import cli
from geotagger.download import pull
from geotagger.download import wheel as fetching
from geotagger.download.geoclip_wheel import read_release
from geotagger.download.known import geoclip_wheel, known_models
from geotagger.download.wheel import PackageWheel, fetch_wheel, read_member
from geotagger.errors import DownloadError
from geotagger.vision.bundle.bundle import models_folder
from geotagger.vision.published.graph_template import GEOCLIP_LOCATION, load_template
from geotagger.vision.published.licences import PUBLISHED_LICENCES
from geotagger.vision.runtime.encoders import LocationEncoder

GALLERY = b"LAT,LON\n1.0,2.0\n"
FILE = "geoclip-1.3.0-py3-none-any.whl"


def make_wheel(folder, scale=b"", location=None):
    torch = pytest.importorskip("torch")
    contents = {
        "image_encoder_mlp": {"0.weight": torch.ones(2, 3)},
        "location_encoder": location or {"LocEnc0.capsule.0.b": torch.zeros(2, 2)},
        "logit_scale": torch.tensor(2.0),
    }
    folder.mkdir(exist_ok=True)
    path = folder / FILE
    with zipfile.ZipFile(path, "w") as archive:
        for name, state in contents.items():
            file = io.BytesIO()
            torch.save(state, file)
            data = scale if scale and name == "logit_scale" else file.getvalue()
            archive.writestr(f"geoclip/model/weights/{name}_weights.pth", data)
        archive.writestr("geoclip/model/gps_gallery/coordinates_100K.csv", GALLERY)
        archive.writestr("geoclip-1.3.0.dist-info/METADATA", "Name: geoclip\nVersion: 1.3.0\n")
        archive.writestr("geoclip-1.3.0.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr("geoclip-1.3.0.dist-info/RECORD", "")
    data = path.read_bytes()
    return PackageWheel("geoclip", "1.3.0", FILE, hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the package index."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    return tmp_path / "index"


def test_pip_fetches_it_once(index, tmp_path, monkeypatch):
    pytest.importorskip("pip")
    wheel = make_wheel(index)
    folder = tmp_path / "work"
    folder.mkdir()
    assert fetch_wheel(wheel, folder).read_bytes() == (index / FILE).read_bytes()
    monkeypatch.setattr(fetching.subprocess, "run", lambda *_, **__: pytest.fail("asked again"))
    fetch_wheel(wheel, folder)


def test_another_hash_is_refused(index, tmp_path):
    pytest.importorskip("pip")
    make_wheel(index)
    wheel = PackageWheel("geoclip", "1.3.0", FILE, "0" * 64, 1)
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(DownloadError, match=r"pip cannot fetch it \(.*--from"):
        fetch_wheel(wheel, folder)
    assert not (folder / FILE).exists()
    (folder / FILE).write_bytes((index / FILE).read_bytes())
    with pytest.raises(DownloadError, match="delete it and pull again"):
        fetch_wheel(wheel, folder)


def test_without_pip_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)
    wheel = PackageWheel("geoclip", "1.3.0", FILE, "0" * 64, 1)
    with pytest.raises(DownloadError, match=r"ensurepip.*--from"):
        fetch_wheel(wheel, tmp_path)


def test_what_geoclip_adds_is_read(tmp_path):
    wheel = make_wheel(tmp_path)
    release = read_release(wheel, tmp_path / FILE, tmp_path)
    assert set(release.tensors) == {"mlp.0.weight", "location.LocEnc0.capsule.0.b"}
    assert release.tensors.read("mlp.0.weight").tolist() == [[1, 1, 1]] * 2
    assert release.scale == pytest.approx(np.exp(2.0))
    assert release.points.read_bytes() == GALLERY
    assert release.name == "package geoclip 1.3.0"


def test_a_pickle_in_the_wheel_does_not_run(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return open, ("pwned", "w")

    monkeypatch.chdir(tmp_path)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x/data.pkl", pickle.dumps(Evil(), 2))
    wheel = make_wheel(tmp_path, scale=file.getvalue())
    with pytest.raises(DownloadError, match="is not allowed"):
        read_release(wheel, tmp_path / FILE, tmp_path)
    assert not (tmp_path / "pwned").exists()


def test_members_that_are_missing_or_too_large(tmp_path, monkeypatch):
    make_wheel(tmp_path)
    with pytest.raises(DownloadError, match="nothing cannot be read"):
        read_member(tmp_path / FILE, "nothing")
    monkeypatch.setattr(fetching, "MAX_MEMBER_BYTES", 10)
    with pytest.raises(DownloadError, match="too large"):
        read_member(tmp_path / FILE, "geoclip/model/gps_gallery/coordinates_100K.csv")
    (tmp_path / FILE).write_bytes(b"PK")
    with pytest.raises(DownloadError, match="cannot be read"):
        read_member(tmp_path / FILE, "x")


def test_the_location_encoder_is_pulled_from_the_wheel(index, monkeypatch):
    """Random weights of the right shapes, and everything else as it is."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("pip")
    torch.manual_seed(0)
    weights = {
        one.tensor.removeprefix("location."): torch.randn(one.shape) / 30
        for one in load_template(GEOCLIP_LOCATION).table.weights
    }
    wheel = make_wheel(index, location=weights)
    monkeypatch.setattr(pull, "geoclip_wheel", lambda: wheel)
    done = CliRunner().invoke(cli, ["models", "pull", "location-encoder"], catch_exceptions=False)
    assert "location-encoder: ready" in done.output
    vectors = LocationEncoder()([[52.0, 13.0], [-22.9, -43.2]])
    assert vectors.shape == (2, 512)
    assert np.isfinite(vectors).all()
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    assert not [path for path in models_folder().iterdir() if path.is_dir()]


def test_the_table_of_known_models():
    assert geoclip_wheel().file == FILE
    models = known_models()
    assert "clip-b32" in models
    for model in models.values():
        assert model.repository in PUBLISHED_LICENCES
