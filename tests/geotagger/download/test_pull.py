"""`models pull` from the hub to the finished bundle. How a bundle is made is tested elsewhere."""

import io
import json
import shutil
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs

from geotagger.cli.main import cli
from geotagger.download import checkpoint_files, pull
from geotagger.errors import BundleError, DownloadError, UsageError
from geotagger.vision.bundle.bundle import find_bundle, load_bundle, models_folder
from geotagger.vision.bundle.card import CARD_FILE
from tests.fixtures import bundles
from tests.fixtures.hub_server import COMMIT
from tests.fixtures.tensor_files import tensor_file

REPOSITORY = "openai/clip-vit-base-patch32"
WEIGHTS = {
    "unneeded": np.zeros(20_000, np.float32),
    "weight": np.random.default_rng(0).normal(size=50_000).astype(np.float32),
}
FILES = {
    "config.json": b'{"model_type": "clip"}',
    "preprocessor_config.json": b'{"resample": 3}',
    "tokenizer.json": b'{"model": {}}',
    "model.safetensors": tensor_file(WEIGHTS),
}


@pytest.fixture(autouse=True)
def made(monkeypatch):
    """What the bundles were made of."""
    seen = []

    def make_bundle(options, checkpoint, release, draft, work):
        np.testing.assert_array_equal(checkpoint.tensors.read("weight"), WEIGHTS["weight"])
        assert work.is_dir()
        bundle = bundles.make_bundle(draft)
        card = structs.replace(
            bundle.card,
            name=options.name,
            licence=checkpoint.licence,
            provenance={"weights": checkpoint.name, "weights_sha256": checkpoint.sha256},
        )
        (draft / CARD_FILE).write_text(card.to_json())
        seen.append((options, checkpoint, release))
        return {}

    monkeypatch.setattr(pull, "make_bundle", make_bundle)
    monkeypatch.setattr(checkpoint_files, "needed_tensors", lambda *_: {"weight"})
    return seen


@pytest.fixture
def published(hub):
    serve(hub, REPOSITORY)
    return hub


def serve(hub, repository, **changes):
    for name, data in (FILES | changes).items():
        hub.files[f"{repository}/{name}"] = data


def run(*arguments):
    return CliRunner().invoke(cli, ["models", "pull", *map(str, arguments)], catch_exceptions=False)


def card(name):
    return load_bundle(find_bundle(name)).card


def test_a_model_is_pulled_and_found_by_its_name(published, made):
    output = run("clip-b32").output
    assert f"weights of {REPOSITORY}@{COMMIT}, licence MIT" in output
    assert "clip-b32: ready" in output
    assert card("clip-b32").provenance["weights"] == f"{REPOSITORY}@{COMMIT}"
    ((options, checkpoint, release),) = made
    assert (options.precision, options.name, release) == ("fp32", "clip-b32", None)
    assert checkpoint.processor == {"resample": 3}
    assert checkpoint.tokenizer == FILES["tokenizer.json"]
    left = {path.name for path in models_folder().iterdir()}
    assert left == {"clip-b32", "pins.json", ".pull.lock"}
    assert published.sent_bytes < len(FILES["model.safetensors"]) + 150_000


def test_the_revision_that_was_pulled_first_stays(published):
    run("clip-b32")
    first = card("clip-b32").provenance
    published.commit, published.older_commits = "f" * 40, (COMMIT,)
    run("clip-b32")
    assert card("clip-b32").provenance == first
    run("clip-b32", "--revision", "main", "--name", "newer")
    assert card("newer").provenance["weights"] == f"{REPOSITORY}@{'f' * 40}"
    assert card("newer").provenance["weights_sha256"] == first["weights_sha256"]


@pytest.mark.parametrize("changed", ["weights", "tokenizer"])
def test_other_bytes_at_the_same_revision_are_refused(published, changed):
    run("clip-b32")
    before = (find_bundle("clip-b32") / CARD_FILE).read_bytes()
    if changed == "weights":
        other = tensor_file({**WEIGHTS, "weight": WEIGHTS["weight"] + 1})
        serve(published, REPOSITORY, **{"model.safetensors": other})
    else:
        serve(published, REPOSITORY, **{"tokenizer.json": b'{"model": {"x": 1}}'})
    with pytest.raises(DownloadError, match="is not the one that was pulled first"):
        run("clip-b32")
    assert (find_bundle("clip-b32") / CARD_FILE).read_bytes() == before


def test_a_licence_that_restricts_use_is_accepted_before_weights_are_fetched(hub):
    serve(hub, "geolocal/StreetCLIP")
    with pytest.raises(UsageError, match=r"CC-BY-NC-4\.0.*--accept-licence"):
        run("geolocal/StreetCLIP")
    assert hub.sent_bytes < 150_000
    assert "licence CC-BY-NC-4.0" in run("geolocal/StreetCLIP", "--accept-licence").output


@pytest.mark.parametrize(
    ("page", "licence"),
    [(b"---\nlicense: apache-2.0\n---\n# x\n", "apache-2.0"), (None, "unknown")],
)
def test_other_models_of_the_hub_state_their_licence(hub, page, licence):
    serve(hub, "someone/some-clip", **({"README.md": page} if page else {}))
    if licence == "unknown":
        with pytest.raises(UsageError, match="unknown"):
            run("someone/some-clip")
    run("someone/some-clip", "--accept-licence")
    assert card("some-clip").licence == licence


def test_a_folder_needs_no_network(tmp_path, hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    run("clip-b32", "--from", tmp_path)
    assert card("clip-b32").provenance["weights"] == "local folder"
    assert not hub.requests
    assert (tmp_path / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE"):
        run("clip-b32")


def test_the_hash_of_weights_does_not_depend_on_where_they_are_from(tmp_path, published):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    run("clip-b32")
    run("clip-b32", "--from", tmp_path, "--name", "local")
    run("clip-b32", "--from", f"{published.store}/{REPOSITORY}", "--name", "web")
    hashes = {card(name).provenance["weights_sha256"] for name in ("clip-b32", "local", "web")}
    assert len(hashes) == 1


def interrupt():
    """Stop a pull after most of the weights. Returns how many bytes were needed."""
    sent = []

    class Bar:
        def reset(self, total):
            sent.append(total)

        def update(self, count):
            sent.append(count)
            if sum(sent[1:]) > 90_000:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull.pull(pull.PullOptions(model="clip-b32"), lambda _: None, Bar())
    return sent[0]


def go_on():
    """Pull again. Returns how many bytes were there already, and the sum of all."""
    counts = []

    class Bar:
        def reset(self, total):
            assert total == WEIGHTS["weight"].nbytes

        def update(self, count):
            counts.append(count)

    pull.pull(pull.PullOptions(model="clip-b32"), lambda _: None, Bar())
    return counts[0], sum(counts)


def test_an_interrupted_pull_goes_on(published):
    published.break_after = 100_000
    published.breaks = 1
    assert interrupt() == WEIGHTS["weight"].nbytes
    there, total = go_on()
    assert card("clip-b32").licence == "MIT"
    assert there > 80_000
    assert total == WEIGHTS["weight"].nbytes


def test_a_bundle_that_cannot_be_made_leaves_the_older_one(published, monkeypatch):
    run("clip-b32")
    before = (find_bundle("clip-b32") / CARD_FILE).read_bytes()

    def fail(*_):
        raise BundleError("the checkpoint lacks a tensor")

    with monkeypatch.context() as patch:
        patch.setattr(pull, "make_bundle", fail)
        with pytest.raises(BundleError):
            run("clip-b32")
    assert (find_bundle("clip-b32") / CARD_FILE).read_bytes() == before
    sent = published.sent_bytes
    run("clip-b32")  # the weights are still there
    assert published.sent_bytes - sent < 150_000


def test_one_pull_at_a_time(published):
    pytest.importorskip("fcntl")
    models_folder().mkdir(exist_ok=True)
    code = (
        "import sys; from geotagger.file_lock import lock\n"
        "file = open(sys.argv[1], 'ab'); lock(file, ''); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, str(models_folder() / pull.LOCK_FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(UsageError, match="another pull is running"):
            run("clip-b32")
    finally:
        other.communicate()
    assert not published.requests
    run("clip-b32")


def test_a_full_disk_is_noticed_before(published, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 1 << 20))
    with pytest.raises(
        DownloadError, match=r"needs .* are free; make room, or set GEOTAGGER_MODELS"
    ):
        run("clip-b32")
    assert published.sent_bytes < 150_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], r"not a model that is known by name \(.*clip-b32.*, location-encoder\)"),
        (["clip-b32", "--name", "starter"], "reserved"),
        (["clip-b32", "--name", "../x"], "invalid"),
        (["a/b", "--name", ".hidden"], "invalid"),
        (["clip-b32", "--from", "x", "--revision", "main"], "--revision is of the hub"),
        (["clip-b32", "--from", "/nowhere/at/all"], "no such folder"),
    ],
)
def test_what_cannot_be_pulled(hub, arguments, message):
    with pytest.raises(UsageError, match=message):
        run(*arguments)
    assert not hub.requests


def test_a_model_without_a_graph_is_refused_before_anything_is_fetched(hub, monkeypatch):
    monkeypatch.setattr(pull, "models_without_graph", lambda: ["clip-b32"])
    with pytest.raises(UsageError, match=r"no graph for it .* models import exports one"):
        run("clip-b32")
    assert not hub.requests


def test_a_precision_without_a_graph_is_refused_before_weights_are_fetched(published, monkeypatch):
    asked = []

    def refuse(tower, precision):
        asked.append((tower.name, precision))
        raise UsageError("there is no graph")

    monkeypatch.setattr(pull, "tower_template", refuse)
    with pytest.raises(UsageError, match="there is no graph"):
        run("clip-b32", "--precision", "int8")
    assert asked == [("clip-image-12x768-patch32-224-quick_gelu", "int8")]
    assert published.sent_bytes < 150_000


def test_something_else_of_that_name_is_kept(published):
    own = models_folder() / "clip-b32"
    own.mkdir(parents=True)
    (own / "photo.jpg").write_bytes(b"mine")
    with pytest.raises(UsageError, match="is not a bundle"):
        run("clip-b32")
    assert (own / "photo.jpg").read_bytes() == b"mine"
    assert not published.requests


def torch_file(tensors):
    torch = pytest.importorskip("torch")
    file = io.BytesIO()
    torch.save({name: torch.from_numpy(values) for name, values in tensors.items()}, file)
    return file.getvalue()


@pytest.fixture
def torch_hub(hub):
    """Its weights are in a file of torch.save alone, as those of some repositories are."""
    unneeded = np.random.default_rng(1).normal(size=10**6).astype(np.float32)
    serve(hub, REPOSITORY, **{"pytorch_model.bin": torch_file({"x": unneeded, **WEIGHTS})})
    del hub.files[f"{REPOSITORY}/model.safetensors"]
    return hub


def test_weights_of_torch_are_fetched_in_part(torch_hub):
    assert "clip-b32: ready" in run("clip-b32").output
    assert torch_hub.sent_bytes < 1_000_000  # of more than four
    first = card("clip-b32").provenance
    run("clip-b32")
    assert card("clip-b32").provenance == first


@pytest.mark.usefixtures("torch_hub")
def test_an_interrupted_pull_of_weights_of_torch_goes_on():
    assert interrupt() == WEIGHTS["weight"].nbytes
    there, total = go_on()
    assert there > 80_000
    assert total == WEIGHTS["weight"].nbytes


def test_a_folder_with_weights_of_torch(tmp_path):
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(torch_file(WEIGHTS))
    run("clip-b32", "--from", tmp_path)
    assert card("clip-b32").provenance["weights"] == "local folder"


def test_values_with_another_checksum_are_refused(torch_hub):
    name = f"{REPOSITORY}/pytorch_model.bin"
    part = WEIGHTS["weight"][:4].tobytes()
    torch_hub.files[name] = torch_hub.files[name].replace(part, part[::-1])
    with pytest.raises(DownloadError, match="checksums"):
        run("clip-b32")


def test_a_program_in_the_weights_does_not_run(torch_hub):
    name = f"{REPOSITORY}/pytorch_model.bin"
    program = b"ctorch._utils\n_rebuild_tensor_v2\n"
    assert program in torch_hub.files[name]
    evil = b"cposix\nsystem\n".ljust(len(program), b"N")
    torch_hub.files[name] = torch_hub.files[name].replace(program, evil)
    with pytest.raises(DownloadError, match="not a file of tensors"):
        run("clip-b32")


def test_weights_in_other_formats_are_not_read(hub):
    hub.files["a/b/config.json"] = b"{}"
    hub.files["a/b/tf_model.h5"] = b"x"
    with pytest.raises(DownloadError, match=r"no config\.json with a model"):
        run("a/b")


@pytest.mark.parametrize("config", [b"", b"[]", b"{", b"\xff", b"[" * 900])
def test_a_configuration_that_is_none(hub, config):
    serve(hub, REPOSITORY, **{"preprocessor_config.json": config})
    with pytest.raises(DownloadError, match=r"preprocessor_config\.json"):
        run("clip-b32")


def test_names_from_the_hub_cannot_control_the_terminal(hub):
    page = b"---\nlicense: mit\x1b[31m\n---\n"
    serve(hub, "someone/some-clip", **{"README.md": page})
    assert "\x1b" not in run("someone/some-clip", "--accept-licence").output


def test_without_the_package_for_captions_nothing_is_fetched(published, monkeypatch):
    monkeypatch.setattr(pull, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install tokenizers"):
        run("clip-b32")
    assert not published.requests


@pytest.mark.usefixtures("published")
def test_the_pins_are_readable():
    run("clip-b32")
    (pin,) = json.loads((models_folder() / "pins.json").read_text())
    assert (pin["repository"], pin["commit"]) == (REPOSITORY, COMMIT)
    assert set(pin["hashes"]) == {
        "config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors/weight",
    }  # fmt: skip
