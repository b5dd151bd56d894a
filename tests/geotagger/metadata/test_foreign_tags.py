"""What a user wrote stays visible to programs that read the first of several properties."""

import shutil
import subprocess
from dataclasses import replace

import pytest

from benchmarks.quality import who_reads_what
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.foreign_tags import ForeignTags, foreign_tags, foreign_tags_for_sidecar
from geotagger.metadata.safe_write.loading import load
from geotagger.metadata.safe_write.write import WriteContext, tag_file, tag_sidecar
from geotagger.metadata.undo.untag import untag_file, untag_sidecar
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.packet import read
from geotagger.metadata.xmp.prediction import with_prediction, without_prediction
from geotagger.types import PhotoMetadata
from tests.fixtures import jpegs
from tests.fixtures.metadata import PARIS
from tests.fixtures.xmps import TAGS, bag, packet

OURS = ["Predicted place", "Europe", "France", "Île-de-France", "Paris"]
OUR_PATH = "/".join(OURS)
needs_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="needs ExifTool")


def iptc(**fields):
    """A JPEG segment with IPTC fields; the keyword is the number of the field."""
    data = b"".join(
        b"\x1c\x02" + bytes([int(number[1:])]) + len(text).to_bytes(2) + text
        for number, texts in fields.items()
        for text in texts
    )
    resource = b"8BIM\x04\x04\0\0" + len(data).to_bytes(4) + data + bytes(len(data) % 2)
    return jpegs.segment(0xED, b"Photoshop 3.0\0" + resource)


def xmp_segment(content):
    return jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet(content))


@pytest.fixture
def journal(tmp_path):
    with WriteJournal(tmp_path / "state" / "writes.sqlite") as journal:
        yield journal


@pytest.mark.parametrize(
    ("own", "flat", "tags_list", "hierarchical"),
    [
        ("", ["Anna", "Zoë"], ["Anna", "Zoë"], ["Anna", "Zoë"]),
        (bag("dc:subject", "dog"), ["dog"], ["dog", "Anna", "Zoë"], ["dog", "Anna", "Zoë"]),
        (
            bag("lr:hierarchicalSubject", "Family|Anna", "a/b|c"),
            ["Anna", "Zoë"],
            ["Family/Anna", "a|b/c", "Zoë"],
            ["Family|Anna", "a/b|c"],
        ),
        (
            bag("digiKam:TagsList", "Family/Anna"),
            ["Anna", "Zoë"],
            ["Family/Anna"],
            ["Family|Anna", "Zoë"],
        ),
        ("<dc:subject><rdf:Bag/></dc:subject>", ["Anna", "Zoë"], None, None),
    ],
)
def test_own_keywords_come_first_in_every_new_list(own, flat, tags_list, hierarchical):
    before = packet(own) if own else None
    foreign = ForeignTags(("Anna", "Zoë"))
    after = with_prediction(before, TAGS, foreign=foreign)
    values = read(after).values
    assert values["dc:subject"] == [*flat, *OURS]
    if tags_list:
        assert values["digiKam:TagsList"] == [*tags_list, OUR_PATH]
        assert values["lr:hierarchicalSubject"] == [*hierarchical, OUR_PATH.replace("/", "|")]
    assert with_prediction(after, TAGS, foreign=foreign) == after
    removal = without_prediction(after)
    assert (removal.packet, removal.exact) == (before, True)


def test_what_another_program_changed_since_keeps_the_words_of_the_user():
    after = with_prediction(None, TAGS, foreign=ForeignTags(("Anna",)))
    edited = after.replace(b"<rdf:li>Anna</rdf:li>", b"<rdf:li>Anna </rdf:li>", 1)
    removal = without_prediction(edited)
    assert not removal.exact
    values = read(removal.packet).values
    assert {word.strip() for array in values.values() for word in array} == {"Anna"}


def test_where_keywords_come_from():
    xp = "Opa;Zoë\0".encode("utf-16-le")
    block = jpegs.tiff("<", ifd0={**jpegs.CAMERA, 0x9C9E: (jpegs.BYTE, xp)})
    photo = jpegs.photo(
        jpegs.exif(block),
        xmp_segment(bag("dc:subject", "dog") + bag("digiKam:TagsList", "Family/Anna")),
        iptc(_25=["Zoë".encode(), b"caf\xe9"], _90=[b"Lisboa"]),
    )
    found = foreign_tags(photo)
    assert found == ForeignTags(("Zoë", "café", "Opa"), (), frozenset({"photoshop:City"}))
    found = foreign_tags_for_sidecar(photo, packet(bag("digiKam:TagsList", "Family/Anna")))
    assert found.paths == (("Family", "Anna"),)
    for odd in (b"", b"\xff\xd8", photo[:80], b"II*\0", b"\x89PNG\r\n\x1a\n", bytes(100)):
        assert foreign_tags(odd) == ForeignTags()


@pytest.mark.parametrize("number", [90, 95, 101])
def test_a_place_in_iptc_is_not_hidden_by_ours(number, tmp_path, journal):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpegs.photo(iptc(**{f"_{number}": [b"Lisboa"]})))
    before, compat = path.read_bytes(), replace(TAGS, compat=True)
    result = tag_file(path, load(path).sha256, FileTags(PARIS, compat), WriteContext(journal))
    assert "photoshop:City" in str(result.reasons[0])
    assert b"photoshop:City>" not in path.read_bytes()
    untag_file(path, journal)
    assert path.read_bytes() == before


def test_a_sidecar_hides_nothing_that_is_in_its_photo(tmp_path, journal):
    path, sidecar = tmp_path / "a.jpg", tmp_path / "a.jpg.xmp"
    own = bag("digiKam:TagsList", "Family/Anna") + "<photoshop:City>Lisboa</photoshop:City>"
    path.write_bytes(jpegs.photo(xmp_segment(own), iptc(_25=[b"Opa"])))
    compat = replace(TAGS, compat=True)
    tag_sidecar(sidecar, path, compat, PhotoMetadata(), WriteContext(journal))
    values = read(sidecar.read_bytes()).values
    assert values["digiKam:TagsList"] == ["Family/Anna", "Opa", OUR_PATH]
    assert values["dc:subject"] == ["Opa", *OURS]
    assert "photoshop:City" not in values
    assert "exif:GPSLatitude" in values
    untag_sidecar(sidecar, journal)
    assert not sidecar.exists()


@needs_exiftool
@pytest.mark.parametrize("own", ["", bag("dc:subject", "Paris", "dog")], ids=["none", "own"])
@pytest.mark.parametrize("compat", [False, True])
def test_untagging_after_exiftool_has_rebuilt_everything(own, compat, tmp_path, journal):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpegs.photo(*([xmp_segment(own)] if own else []), iptc(_25=[b"Anna"])))
    rebuild = ["exiftool", "-q", "-overwrite_original", "-all=", "-tagsfromfile", "@"]
    rebuild += ["-all:all", "-unsafe"]
    subprocess.run([*rebuild, path], check=True)
    expected = tags_of(path)
    tags = FileTags(
        replace(PARIS, area="Paris, Île-de-France, France"), replace(TAGS, compat=compat)
    )
    tag_file(path, load(path).sha256, tags, WriteContext(journal))
    subprocess.run([*rebuild, path], check=True)
    assert "City" in tags_of(path) or not compat
    assert untag_file(path, journal).result == "cleaned"
    assert tags_of(path) == expected


def tags_of(path):
    tags = who_reads_what.exiftool_tags(path)
    volatile = ("File", "Source", "Directory", "XMPToolkit", "CurrentIPTC")
    volatile += ("ExifByteOrder", "XResolution", "YResolution", "ResolutionUnit", "YCbCrPos")
    return {name: value for name, value in tags.items() if not name.startswith(volatile)}


@needs_exiftool
@pytest.mark.slow
@pytest.mark.parametrize("in_sidecar", [False, True], ids=["photo", "sidecar"])
@pytest.mark.parametrize("name", who_reads_what.WRITTEN)
def test_every_installed_reader_shows_what_it_did(name, in_sidecar, monkeypatch, tmp_path):
    monkeypatch.setenv("GEOTAGGER_STATE", str(tmp_path))
    command, marks = who_reads_what.WRITTEN[name]
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    cells, is_restored = who_reads_what.row_of(command, marks, in_sidecar=in_sidecar)
    assert "LOST" not in cells.values()
    assert "shown" in cells.values()
    assert is_restored
