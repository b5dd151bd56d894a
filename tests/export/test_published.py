"""Published models as bundles: the same numbers as their authors' own code, on tiny towers."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.fixtures.bundles import write_csv

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from export.published import command  # noqa: E402
from export.published import geoclip as published_geoclip  # noqa: E402
from export.published import source as published_source  # noqa: E402
from geotagger import Geotagger, LocationEncoder  # noqa: E402
from geotagger.errors import BundleError, UsageError  # noqa: E402
from geotagger.vision import parity  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.published.captions import STREET  # noqa: E402
from geotagger.vision.published.licences import is_restricted, licence_of  # noqa: E402
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402
from tests.fixtures.published_towers import save_clip, save_siglip  # noqa: E402

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def geoclip():
    return pytest.importorskip("geoclip")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip") / "tower")


def make_photos(folder, sizes):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number, size in enumerate(sizes):
        small = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8))
        small.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number:02}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Of the towers' own size: their pixels are the same on both sides, and so is the rest."""
    return make_photos(tmp_path_factory.mktemp("photos") / "a", [(32, 32)] * 20)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Too small to be read at a fraction of their size."""
    sizes = np.random.default_rng(0).integers(33, 120, (20, 2)).tolist()
    return make_photos(tmp_path_factory.mktemp("shapes") / "a", [tuple(one) for one in sizes])


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    rng = np.random.default_rng(1)
    rows = rng.uniform((-60, -180), (70, 180), (400, 2)).round(4).tolist()
    file = tmp_path_factory.mktemp("gallery") / "g.csv"
    write_csv(file, [("LAT", "LON"), *rows, *rows[:20]])
    return file


def make(*arguments):
    return CliRunner().invoke(command.main, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def geo_bundle(geoclip, clip, photos, gallery, tmp_path_factory):  # noqa: ARG001  or skip
    folder = tmp_path_factory.mktemp("geo") / "geo"
    result = make("geoclip", folder, "--tower", clip, "--photos", photos, "--gallery", gallery)
    assert result.exit_code == 0, (result.output, result.exception)
    return folder


@pytest.fixture(scope="module")
def street_bundle(clip, photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("street") / "street"
    result = make("streetclip", folder, "--tower", clip, "--photos", photos, "--cities", 2,
                  "--accept-licence")  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    return folder


@pytest.mark.train
def test_geoclip_answers_as_its_authors_package(geoclip, geo_bundle, clip, photos, gallery):
    model = geoclip.GeoCLIP(clip_path=str(clip)).eval()
    with gallery.open() as stream:
        rows = [(float(row["LAT"]), float(row["LON"])) for row in csv.DictReader(stream)]
    model.gps_gallery = torch.tensor(rows)
    files = sorted(photos.iterdir())
    ours = Geotagger(geo_bundle, device="cpu").predict(files, top_k=5)
    firsts = set()
    for file, points, probabilities in zip(files, *ours, strict=True):
        theirs, shares = model.predict(str(file), top_k=12)
        known = {
            tuple(point): share
            for point, share in zip(theirs.tolist(), shares.tolist(), strict=True)
        }
        best = list(known)  # each point once
        assert tuple(points[0].tolist()) == best[0]
        assert {tuple(point) for point in points.tolist()} == set(best[:5])
        expected = [known[tuple(point)] for point in points.tolist()]
        assert probabilities == pytest.approx(expected, abs=3e-4)  # few points, so large shares
        firsts.add(best[0])
    assert len(firsts) > 1, "the photos must not all look alike"


@pytest.mark.train
def test_the_card_says_where_all_is_from(geo_bundle):
    card = load_bundle(geo_bundle).card
    run_self_test(load_bundle(geo_bundle), "cpu")
    assert card.licence == "MIT"
    assert card.provenance["weights"] == "local folder"
    assert len(card.provenance["weights_sha256"]) == 64
    assert card.provenance["heads"] == "package geoclip 1.3.0"
    assert card.provenance["gallery"] == "g.csv"
    (head,) = card.heads
    assert head.logit_scale == pytest.approx(np.exp(3.681034803), rel=1e-6)
    with (geo_bundle / "gallery.csv").open() as stream:
        assert sum(int(float(row["count"])) for row in csv.DictReader(stream)) == 420
    assert len(np.load(geo_bundle / "gallery.npy")) == 400
    for file in geo_bundle.iterdir():
        if file.suffix in (".onnx", ".json", ".md"):
            assert b"/site-packages/" not in file.read_bytes(), file.name


@pytest.mark.usefixtures("geoclip")
@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.train
def test_smaller_precisions(clip, photos, gallery, tmp_path, precision, geo_bundle):
    result = make("geoclip", tmp_path / "b", "--tower", clip, "--photos", photos,
                  "--gallery", gallery, "--precision", precision)  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    assert np.load(tmp_path / "b" / "gallery.npy").dtype == np.float16
    one, two = (
        load_bundle(path).model_file.stat().st_size for path in (geo_bundle, tmp_path / "b")
    )
    assert two < one
    assert (tmp_path / "b" / "location.onnx").stat().st_size > 37_000_000, "always float32"


@pytest.mark.train
def test_the_location_encoder_is_the_published_one(geoclip, tmp_path):
    file = tmp_path / "location.onnx"
    result = make("location-encoder", file)
    assert result.exit_code == 0, result.output
    assert not list(tmp_path.glob(".*"))
    rng = np.random.default_rng(2)
    gps = np.stack([rng.uniform(-90, 90, 3000), rng.uniform(-180, 180, 3000)], axis=1)
    gps[:4] = [[90, 180], [-90, -180], [0, 0], [45, 179.9999]]
    with torch.inference_mode():
        theirs = geoclip.LocationEncoder()(torch.tensor(gps, dtype=torch.float32)).numpy()
    ours = LocationEncoder(file)(gps)
    cosine = (ours * theirs).sum(axis=1)
    cosine /= np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    assert ours.shape == (3000, 512)
    assert cosine.min() >= 0.99999


@pytest.mark.train
def test_a_release_folder_holds_the_same(geoclip, clip, tmp_path):
    from safetensors.torch import save_file

    model = geoclip.GeoCLIP(clip_path=str(clip))
    state = {"logit_scale": model.logit_scale.detach()}
    state |= {f"location_encoder.{k}": v for k, v in model.location_encoder.state_dict().items()}
    state |= {f"image_encoder.mlp.{k}": v for k, v in model.image_encoder.mlp.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "model.safetensors")
    write_csv(tmp_path / "points.csv", [("LAT", "LON"), (1, 2)])
    config = {"model_type": "geoclip-geolocation", "format_version": 1, "sigma": [1, 16, 256],
              "gallery_file": "points.csv", "backbone": {}}  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    one, two = (published_geoclip.load_published(release) for release in (None, tmp_path))
    gps = torch.tensor([[10.0, 20.0], [-30.0, 140.0]])
    assert torch.equal(one.location(gps), two.location(gps))
    assert torch.equal(one.mlp(torch.ones(1, 768)), two.mlp(torch.ones(1, 768)))
    assert (one.scale, two.points) == (two.scale, tmp_path / "points.csv")
    (tmp_path / "config.json").write_text(json.dumps(config | {"format_version": 2}))
    with pytest.raises(UsageError, match="format 2; expected is geoclip-geolocation"):
        published_geoclip.load_published(tmp_path)


def zero_shot(folder, files, captions):
    """As the authors' own page shows it: transformers' model and processor."""
    from transformers import AutoModel, AutoProcessor

    model, processor = (
        AutoModel.from_pretrained(folder).eval(),
        AutoProcessor.from_pretrained(folder),
    )
    images = [Image.open(file).convert("RGB") for file in files]
    given = processor(text=captions, images=images, return_tensors="pt", padding=True)
    with torch.inference_mode():
        return model(**given).logits_per_image.softmax(dim=1).numpy()


def test_streetclip_ranks_as_transformers_does(street_bundle, clip, photos):
    files = sorted(photos.iterdir())
    places = "France; Germany; Japan; Brazil"
    captions = [f"A Street View photo in {name}." for name in places.split("; ")]
    expected = zero_shot(clip, files, captions)
    tagger = Geotagger(street_bundle, device="cpu", places=places)
    found = tagger.predict(files, 4)
    from geotagger.geography.named_places import parse_places
    from geotagger.geography.places import load_places

    row_of = {}
    for number, one in enumerate(parse_places(places)):
        rows = np.flatnonzero(one.rows(load_places()))
        row = rows[load_places().population[rows].argmax()]
        row_of[float(load_places().lat[row])] = number
    ranks = np.array([[row_of[float(lat)] for lat in points[:, 0]] for points in found.points])
    assert np.array_equal(ranks, np.argsort(-expected, axis=1, kind="stable"))
    sorted_shares = -np.sort(-expected, axis=1)
    assert found.probabilities == pytest.approx(sorted_shares, abs=1e-4)


def test_the_captions_of_a_bundle_are_those_of_the_text_tower(street_bundle, clip, photos):
    bundle = load_bundle(street_bundle)
    countries, cities = bundle.card.heads
    assert (countries.templates, cities.templates) == STREET
    labels, vectors = bundle.captions(countries)
    names = [label.label for label in labels]
    assert "Texas, US" in names
    assert "United States" not in names
    assert {"Georgia, US", "Georgia"} <= set(names)
    towns, _ = bundle.captions(cities)
    areas = [(town.country_code, town.region if town.parent == "region" else "") for town in towns]
    assert max(areas.count(area) for area in set(areas)) == 2
    files = sorted(photos.iterdir())[:3]
    chosen = ["France", "Germany", "Japan"]
    expected = zero_shot(clip, files, [f"A Street View photo in {name}." for name in chosen])
    embedded = Geotagger(street_bundle, device="cpu").encode_image(files)
    logits = countries.logit_scale * embedded @ vectors[[names.index(n) for n in chosen]].T
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert shares == pytest.approx(expected, abs=1e-4)


@pytest.mark.train
def test_siglip_is_seen_as_its_processor_sees_it(tmp_path, photos, shapes):
    from transformers import AutoModel

    tower = save_siglip(tmp_path / "tower")
    result = make(tower, tmp_path / "b", "--photos", photos, "--cities", 1, "--accept-licence")
    assert result.exit_code == 0, (result.output, result.exception)
    bundle = load_bundle(tmp_path / "b")
    assert bundle.card.input.fit == "squash"
    assert bundle.card.licence == "unknown"
    from transformers import AutoImageProcessor

    images = [Image.open(file).convert("RGB") for file in sorted(shapes.iterdir())]
    given = AutoImageProcessor.from_pretrained(tower)(images=images, return_tensors="pt")
    model = AutoModel.from_pretrained(tower).eval()
    with torch.inference_mode():
        features = model.get_image_features(**given).pooler_output
    theirs = torch.nn.functional.normalize(features, dim=1).numpy()
    ours = Geotagger(bundle.path, device="cpu").encode_image(images)
    assert ((ours * theirs).sum(axis=1) > 0.99).all()


@pytest.mark.train
def test_the_same_tower_gives_the_same_file_and_runs_once(geo_bundle, street_bundle, photos):
    from geotagger.config import RunOptions
    from geotagger.pipeline.setup import EvidenceSetup

    bundles = [load_bundle(path) for path in (geo_bundle, street_bundle)]
    assert bundles[0].network_key == bundles[1].network_key
    options = RunOptions(
        paths=(photos,), models=(str(geo_bundle), str(street_bundle)), read_text=False
    )
    sources = EvidenceSetup(options).sources()[:2]
    session = sources[0]._session._network.sessions[0]
    calls = []

    class Counting:
        def run(self, names, fed):
            calls.append(len(fed["pixels"]))
            return session.run(names, fed)

    for source in sources:
        source._session._network.sessions[0] = Counting()
    rng = np.random.default_rng(0)
    for _ in range(2):
        batch = list(rng.integers(0, 256, (4, 32, 32, 3), np.uint8))
        for source in sources:
            assert all(answer is not None for answer in source.weigh(batch))
    assert sum(calls) == 8


def test_our_pixels_are_those_of_the_processor(clip, shapes):
    from transformers import CLIPImageProcessor

    from geotagger.images.decode import InputSpec, decode, fit

    processor = CLIPImageProcessor.from_pretrained(clip, do_normalize=False, do_rescale=False)
    for file in sorted(shapes.iterdir()):
        image = Image.open(file).convert("RGB")
        theirs = processor(images=image, return_tensors="np")["pixel_values"][0]
        ours = fit(decode(file.read_bytes(), 32).image, InputSpec(32, "clip", "bicubic"))
        assert np.abs(ours.transpose(2, 0, 1) - theirs.astype(float)).mean() < 0.5, file.name


def test_a_licence_that_restricts_must_be_accepted(clip, tmp_path):
    result = make("streetclip", tmp_path / "b", "--tower", clip)
    assert result.exit_code == 1
    assert "licence of the weights: CC-BY-NC-4.0" in result.output
    assert "--accept-licence" in result.output
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("licence", "restricted"),
    [
        ("mit", False),
        ("apache-2.0", False),
        ("cc-by-nc-4.0", True),
        ("", True),
        ("cc-by-4.0", False),
    ],
)
def test_the_licence_is_read_from_the_model_page(tmp_path, licence, restricted):
    if licence:
        (tmp_path / "README.md").write_text(f"---\nlanguage: en\nlicense: {licence}\n---\n")
    found = licence_of(tmp_path)
    assert found == (licence or "unknown")
    assert is_restricted(found) == restricted


def test_downloads_are_asked_for_by_name_and_offline_is_offline(clip, tmp_path, monkeypatch):
    import huggingface_hub

    asked = []

    def fake(**options):
        asked.append(options)
        if options["local_files_only"]:
            raise FileNotFoundError("no such snapshot")
        return str(clip)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake)
    found = published_source.find_checkpoint("streetclip", "", "abc", tmp_path, offline=False)
    assert found.name == "geolocal/StreetCLIP@abc"
    assert found.licence == "CC-BY-NC-4.0"
    assert asked[0]["revision"] == "abc"
    assert asked[0]["cache_dir"] == tmp_path
    assert not [one for one in asked[0]["allow_patterns"] if one.endswith((".bin", ".pth", ".pkl"))]
    with pytest.raises(UsageError, match=r"in the cache \(--offline\)"):
        published_source.find_checkpoint("someone/else", "", "", None, offline=True)


@pytest.mark.usefixtures("geoclip")
@pytest.mark.train
def test_an_older_bundle_stays_when_the_new_one_falls_short(clip, gallery, tmp_path, monkeypatch):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "card.json").touch()
    monkeypatch.setattr(parity, "shortfall", lambda *_: "head gps: differs")
    result = make("geoclip", tmp_path / "b", "--tower", clip, "--gallery", gallery)
    assert result.exit_code == 1
    assert "computes something else than the original (head gps: differs" in result.output
    assert [path.name for path in tmp_path.rglob("*")] == ["b", "card.json"]


@pytest.mark.parametrize("text", ["no-such-model/x y", "config"])
def test_what_is_no_model_is_left_to_the_trained_runs(text):
    assert not command.is_published(text)


def test_names_ids_and_folders_are_published_models(clip):
    assert all(map(command.is_published, ["geoclip", "location-encoder", "org/model", str(clip)]))


def test_a_folder_without_weights(tmp_path):
    result = make("clip", tmp_path / "b", "--tower", tmp_path)
    assert result.exit_code == 1
    assert "lacks config.json or model.safetensors" in result.output


@pytest.mark.train
@pytest.mark.parametrize("command", [("-m", "export.to_onnx"), ("export/to_onnx.py",)])
def test_the_command_line_of_the_export_finds_it(clip, tmp_path, command):
    done = subprocess.run(
        [sys.executable, *command, "streetclip", str(tmp_path / "b"),
         "--tower", str(clip)],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    assert done.returncode == 1
    assert "--accept-licence" in done.stderr


@pytest.mark.usefixtures("geoclip")
@pytest.mark.train
def test_a_gallery_even_by_area(clip, tmp_path, photos):
    result = make("geoclip", tmp_path / "b", "--tower", clip, "--gallery", "land",
                  "--land-points", 500, "--photos", photos)  # fmt: skip
    assert result.exit_code == 0, (result.output, result.exception)
    gallery = load_bundle(tmp_path / "b").gallery(load_bundle(tmp_path / "b").card.heads[0])
    assert 400 < len(gallery.lat) < 600
    with pytest.raises(BundleError, match="need a bundle with a text encoder"):
        Geotagger(tmp_path / "b", places="France")
