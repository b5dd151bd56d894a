"""Names that people gave: in IPTC and XMP, of folders and files."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli.main import cli
from geotagger.evidence.folder_names import Names, NamesSource, names_in_path
from geotagger.evidence.source import LoadedPhoto
from geotagger.images.decode import decode
from geotagger.metadata.place_names import place_names
from geotagger.metadata.read import read
from geotagger.metadata.xmp.prediction import with_prediction
from geotagger.types import Photo
from tests.fixtures.bundles import make_bundle
from tests.fixtures.xmps import TAGS, description, rdf, wrapped


@pytest.fixture(scope="module")
def source(places):
    return NamesSource(places)


def jpeg(path, packet=None, iim=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    more = {"xmp": packet} if packet else {}
    Image.new("RGB", (32, 24), "grey").save(path, **more)
    if iim:
        datasets = b"".join(
            struct.pack(">BBBH", 0x1C, 2, number, len(text.encode())) + text.encode()
            for number, text in iim.items()
        )
        block = b"8BIM" + struct.pack(">HHL", 0x0404, 0, len(datasets)) + datasets
        block += b"\0" * (len(datasets) % 2)
        segment = b"Photoshop 3.0\0" + block
        data = path.read_bytes()
        app13 = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
        path.write_bytes(data[:2] + app13 + data[2:])
    return path


def packet(inside="", attributes=""):
    return wrapped(rdf(description(inside, attributes))).encode()


SHOWN = (
    "<Iptc4xmpExt:LocationShown><rdf:Bag><rdf:li rdf:parseType='Resource'>"
    "<Iptc4xmpExt:City>Porto</Iptc4xmpExt:City>"
    "<Iptc4xmpExt:CountryName>Portugal</Iptc4xmpExt:CountryName>"
    "</rdf:li></rdf:Bag></Iptc4xmpExt:LocationShown>"
)


def test_names_in_iim(tmp_path):
    path = jpeg(tmp_path / "a.jpg", iim={90: "Köln", 101: "Deutschland"})
    assert place_names(path.read_bytes()) == ("Köln, Deutschland",)


def test_names_in_xmp(tmp_path):
    city = ' photoshop:City="Lisboa" photoshop:Country="Portugal"'
    path = jpeg(tmp_path / "a.jpg", packet(SHOWN, city))
    assert place_names(path.read_bytes()) == ("Lisboa, Portugal", "Porto, Portugal")


def test_what_geotagger_wrote_is_no_evidence(tmp_path):
    path = jpeg(tmp_path / "a.jpg", with_prediction(None, TAGS))
    assert place_names(path.read_bytes()) == ()


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff\xed\x00\x20Photoshop 3.0\0", b"\0" * 99])
def test_damaged_files_have_no_names(data):
    assert place_names(data) == ()


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("2019 Lisboa/IMG_0001.jpg", ["Lisboa", "IMG"]),
        ("2019/07_new-york/p.jpg", ["New York", "P"]),
        ("DCIM/Summer Trip/DSC00012.JPG", ["DCIM", "DSC"]),
        ("ReiseNachRom/a.jpg", ["Reise Nach Rom", "A"]),
    ],
)
def test_names_in_a_path(tmp_path, path, texts):
    root = tmp_path / "42"
    assert list(names_in_path(Photo(root / path, root))) == texts


def test_a_file_that_was_named_itself_has_its_folder(tmp_path):
    path = jpeg(tmp_path / "Oslo" / "1.jpg")
    assert list(names_in_path(Photo(path, path))) == ["Oslo"]


def test_the_photo_itself_comes_before_its_folder(source, tmp_path):
    path = jpeg(tmp_path / "Oslo" / "1.jpg", iim={90: "Lisboa"})
    data = path.read_bytes()
    metadata = replace(read(data), place_names=place_names(data))
    shot = LoadedPhoto(Photo(path, path.parent), metadata, lambda side_px: decode(data, side_px))
    assert source.prepare(shot) == Names("metadata", ("Lisboa",))


def test_a_town_in_the_metadata_is_named(belief, source):
    (evidence,) = source.weigh([Names("metadata", ("Lisboa, Portugal",))])
    prediction = belief.decide([evidence])
    assert prediction.place.country_code == "PT"
    assert prediction.evidence[0].text.startswith('metadata: "Lisboa, Portugal" -> Lisbon, PT')


def test_a_folder_shifts_and_never_decides(belief, source, places):
    (evidence,) = source.weigh([Names("name", ("Lisboa",))])
    mass = belief.posterior([evidence])
    portugal = mass[places.mask(["PT"])].sum()
    assert 0.3 < portugal < 0.75
    assert belief.decide([evidence]).evidence[0].text.startswith('name: "Lisboa" -> Lisbon, PT')


def test_a_country_may_be_all_that_a_folder_says(belief, source, places):
    (evidence,) = source.weigh([Names("name", ("Japan",))])
    before = np.exp(belief.log_prior)[places.mask(["JP"])].sum()
    assert belief.posterior([evidence])[places.mask(["JP"])].sum() > 5 * before


def test_words_of_no_place_say_nothing(source):
    assert source.weigh([Names("name", ("Familienfeier",))]) == [None]


def test_only_when_asked_for(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    jpeg(tmp_path / "album" / "2019 Lisboa" / "1.jpg")
    evidence = {}
    for flag in ("--use-names", "--no-use-names"):
        report = tmp_path / f"{flag}.jsonl"
        arguments = ["tag", str(tmp_path / "album"), "--model", str(bundle.path), flag]
        arguments += ["--no-read-text", "--no-gate", "--report", str(report)]
        assert CliRunner().invoke(cli, arguments).exit_code == 0
        evidence[flag] = json.loads(report.read_text())["evidence"]
    assert 'name: "Lisboa"' in evidence["--use-names"]
    assert "name" not in evidence["--no-use-names"]
