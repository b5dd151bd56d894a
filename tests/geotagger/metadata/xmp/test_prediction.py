"""A prediction into XMP packets, and out again."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from geotagger.errors import CannotEmbedError
from geotagger.metadata.foreign_tags import ForeignTags
from geotagger.metadata.xmp.packet import GEOTAGGER
from geotagger.metadata.xmp.prediction import (
    XmpGps,
    gps_in,
    prediction_in,
    with_prediction,
    withheld,
    without_prediction,
)
from geotagger.metadata.xmp.tags import Alternative, XmpTags
from geotagger.types import Point
from tests.fixtures.xmps import (
    RDF,
    REFUSED,
    SOUND,
    SPACES,
    TAGS,
    bag,
    description,
    packet,
    packets,
    rdf,
    tags,
    wrapped,
)

COMPAT = replace(TAGS, compat=True)
KEYWORDS_ALONE = replace(TAGS, groups=frozenset({"keywords"}))
CORPUS = Path(
    os.environ.get("GEOTAGGER_TEST_CORPUS", Path(__file__).parents[5] / "shared" / "corpus")
)


def said(data: bytes) -> dict[str, list[str]]:
    """{URI}name -> all texts and attributes in it, by a parser that is not under test."""
    text, codec = data, "utf-8"
    if b"\0" in text[:4]:
        wide = "32" if b"\0\0" in text[:8] else "16"
        codec = f"utf-{wide}-{'le' if text[:1] in b'<' + bytes([255]) else 'be'}"
    string = re.sub(r"^\ufeff?(<\?xml.*?\?>)?", "", text.decode(codec).rstrip("\0"))
    found: dict[str, list[str]] = {}
    for graph in ElementTree.fromstring(string).iter(f"{{{RDF}}}RDF"):
        for block in graph:
            found |= {k: [v] for k, v in block.attrib.items() if RDF not in k}
            for child in block:
                inside = [x for e in child.iter() for x in (e.text, *e.attrib.values())]
                found[child.tag] = [x for x in inside if x and x.strip()]
    return {name: texts for name, texts in found.items() if texts}


def name(short: str) -> str:
    prefix, _, local = short.partition(":")
    return "{" + SPACES.get(prefix, GEOTAGGER) + "}" + local


def rewritten(data: bytes, title: str = "") -> bytes:
    """As another program writes the packet: other prefixes, forms and order, a property more."""
    root = ElementTree.fromstring(data)
    graph = next(root.iter(f"{{{RDF}}}RDF"))
    merged = ElementTree.Element(f"{{{RDF}}}Description", {f"{{{RDF}}}about": ""})
    for block in reversed(list(graph)):
        for key, value in block.attrib.items():
            if RDF not in key:
                merged.set(key, value)
        merged.extend(reversed(list(block)))
    for child in list(merged):  # simple properties become attributes
        if not len(child) and not child.attrib:
            merged.set(child.tag, child.text or "")
            merged.remove(child)
    if title:
        merged.set(name("my:title"), title)
    graph[:] = [merged]
    return ElementTree.tostring(root, encoding="utf-8")


def test_a_new_packet_says_everything() -> None:
    new = with_prediction(None, COMPAT)
    assert new.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n')
    assert new.endswith(b' \n<?xpacket end="w"?>')
    texts = said(new)
    assert texts[name("geotagger:Latitude")] == ["48.858400"]
    assert texts[name("geotagger:Confidence")] == ["0.6200"]
    assert texts[name("exif:GPSLatitude")] == ["48,51.504000N"]
    assert texts[name("exif:GPSHPositioningError")] == ["25300/1"]
    assert texts[name("exif:GPSStatus")] == ["V"]
    assert texts[name("photoshop:State")] == ["Île-de-France"]
    path = ["Predicted place", "Europe", "France", "Île-de-France", "Paris"]
    assert texts[name("dc:subject")] == path
    assert texts[name("lr:hierarchicalSubject")] == ["|".join(path)]
    assert texts[name("digiKam:TagsList")] == ["/".join(path)]
    place = texts[name("Iptc4xmpExt:LocationCreated")]
    assert place[1:] == [*reversed(path[2:]), "FR", "Europe", "https://sws.geonames.org/2988507/"]


def test_facts_are_not_claimed_unless_asked() -> None:
    texts = said(with_prediction(None, TAGS))
    assert not [key for key in texts if SPACES["exif"] in key or SPACES["photoshop"] in key]


@pytest.mark.parametrize(
    ("groups", "there", "absent"),
    [
        ("gps", "geotagger:Latitude", ["geotagger:City", "dc:subject"]),
        ("region", "Iptc4xmpExt:LocationCreated", ["geotagger:Latitude", "dc:subject"]),
        ("keywords", "dc:subject", ["geotagger:Latitude", "Iptc4xmpExt:LocationCreated"]),
    ],
)
def test_only_the_groups_that_were_wanted(groups: str, there: str, absent: list[str]) -> None:
    new = with_prediction(None, replace(COMPAT, groups=frozenset({groups})))
    assert name(there) in said(new)
    assert not {*map(name, absent)} & said(new).keys()
    assert (b"45.748" in new) == (groups == "gps"), "coordinates of the alternatives"


@pytest.mark.parametrize("data", [*SOUND.values(), None], ids=[*SOUND, "none"])
def test_in_and_out_again_to_the_byte(data: bytes | None) -> None:
    for wanted in (TAGS, COMPAT, replace(TAGS, point=None, radius_km=None, groups=frozenset())):
        new = with_prediction(data, wanted)
        expected = wanted if wanted.groups else replace(wanted, **dict.fromkeys(NAMES, ""))
        if not wanted.groups:
            others = tuple(a._replace(lat=None, lon=None) for a in wanted.alternatives)
            expected = replace(expected, alternatives=others)
        assert prediction_in(new) == expected
        removal = without_prediction(new)
        assert (removal.packet, removal.exact) == (data, True)
        assert with_prediction(new, replace(wanted, created="2030-01-01T00:00:00Z")) is new
        changed = with_prediction(new, replace(wanted, confidence=0.7))
        assert changed == with_prediction(data, replace(wanted, confidence=0.7))


NAMES = ("continent", "country", "country_code", "region", "city", "location_id")


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_all_that_was_there_is_there(data: bytes) -> None:
    before, after = said(data), said(with_prediction(data, COMPAT))
    keywords = {*map(name, ("dc:subject", "lr:hierarchicalSubject", "digiKam:TagsList"))}
    for key, texts in before.items():
        assert after[key] == texts or (key in keywords and after[key][: len(texts)] == texts)


@pytest.mark.parametrize(("data", "reason"), REFUSED.values(), ids=REFUSED)
def test_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(CannotEmbedError, match=reason):
        with_prediction(data, TAGS)
    with pytest.raises(CannotEmbedError, match=reason):
        without_prediction(data)
    assert prediction_in(data) is None
    assert gps_in(data) is None


@given(packets(), tags())
def test_any_packet_comes_back(data: bytes, wanted: XmpTags) -> None:
    new = with_prediction(data, wanted)
    assert without_prediction(new)[::2] == (data, True)
    assert with_prediction(new, wanted) is new
    found = prediction_in(new)
    assert found is not None
    assert found.groups == wanted.groups
    if wanted.point and "gps" in wanted.groups:
        assert found.point is not None
        assert found.point.lat == pytest.approx(wanted.point.lat, abs=1e-6)
        assert found.point.lon == pytest.approx(wanted.point.lon, abs=1e-6)


@given(packets(), tags())
@example(packet(bag("digiKam:TagsList", "Grandma", "Wedding/")), KEYWORDS_ALONE)
@example(packet(bag("digiKam:TagsList", "Grandma", "/\U000e0001Wedding")), KEYWORDS_ALONE)
def test_taken_out_of_what_another_program_rewrote(data: bytes, wanted: XmpTags) -> None:
    if b"\0" in data:
        data = packet(bag("dc:subject", "dog", "Paris"))
    new = rewritten(with_prediction(data, wanted), title="new")
    removal = without_prediction(new)
    assert not removal.exact
    assert removal.packet is not None
    after = said(removal.packet)
    assert after.pop(name("my:title")) == ["new"]
    assert of_others(after) == of_others(said(data))


def of_others(texts: dict[str, list[str]]) -> dict[str, list[str]]:
    """But for keywords below our root, which a person may have used too."""
    found = dict(texts)
    for key in map(name, ("dc:subject", "lr:hierarchicalSubject", "digiKam:TagsList")):
        words = texts.get(key, [])
        found[key] = [word for word in words if re.split("[|/]", word)[0] != "Predicted place"]
    return {key: words for key, words in found.items() if words}


def test_only_what_is_still_ours_is_taken_out() -> None:
    new = with_prediction(packet(bag("dc:subject", "Paris", "dog")), COMPAT).decode()
    new = new.replace("48,51.504000N", "45,45.0N")  # someone corrected the position,
    new = new.replace("<photoshop:City>Paris", "<photoshop:City>Lyon")  # the town,
    new = new.replace("<Iptc4xmpExt:City>Paris", "<Iptc4xmpExt:City>Lyon")  # and once more,
    new = new.replace("<rdf:li>France</rdf:li>", "<rdf:li>Italy</rdf:li>", 1)  # and a keyword
    removal = without_prediction(new.encode())
    assert removal.packet is not None
    assert not removal.exact
    texts = said(removal.packet)
    assert texts.keys() == {
        *map(name, ("dc:subject", "exif:GPSLatitude", "exif:GPSLongitude", "photoshop:City")),
        name("Iptc4xmpExt:LocationCreated"),
    }
    assert texts[name("dc:subject")] == ["Paris", "dog", "Italy"]
    assert GEOTAGGER.encode() not in removal.packet
    assert removal.removed[0] == "geotagger:*"
    assert "exif:GPSStatus" in removal.removed


def test_a_position_in_another_form_is_still_ours() -> None:
    new = with_prediction(None, COMPAT).replace(b"48,51.504000N", b"48,51,30.2400N")
    removal = without_prediction(new)
    assert removal.packet is None
    assert removal.exact


def test_a_record_that_lies_does_not_mislead() -> None:
    other = with_prediction(packet(attributes=' xmp:Rating="1"'), TAGS)
    record = re.search(rb"<geotagger:Undo>.*?</geotagger:Undo>", other)
    assert record
    new = with_prediction(packet(attributes=' xmp:Rating="5"'), TAGS)
    forged = re.sub(rb"<geotagger:Undo>.*?</geotagger:Undo>", lambda _: record[0], new)
    removal = without_prediction(forged)
    assert removal.exact is False
    assert removal.packet is not None
    assert said(removal.packet)[name("xmp:Rating")] == ["5"]


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le"])
def test_a_record_that_cuts_a_character_in_two_leads_nowhere(codec: str) -> None:
    text = wrapped(rdf(description("<my:a>ä</my:a>")))
    new = with_prediction(text.encode(codec), TAGS).decode(codec)
    at = text.encode().index("ä".encode()) + 1
    forged = re.sub(r"( \S+)</geotagger:Undo>", rf" {at:08x}+00000001\1</geotagger:Undo>", new)
    removal = without_prediction(forged.encode(codec))
    assert removal.packet == text.encode(codec), "by search, which leaves no trace here"
    assert not removal.exact


def test_the_record_of_another_packet_is_no_licence_to_delete() -> None:
    """Someone added to a packet that geotagger had made."""
    new = with_prediction(None, TAGS).decode()
    mine = f'<rdf:Description rdf:about="" xmlns:my="{SPACES["my"]}" my:a="b"/></rdf:RDF>'
    removal = without_prediction(new.replace("</rdf:RDF>", mine).encode())
    assert removal.packet is not None
    assert said(removal.packet) == {name("my:a"): ["b"]}


def test_keywords_are_known_without_the_record() -> None:
    """A program that drops namespaces it does not know leaves the keywords."""
    data = packet(
        bag("dc:subject", "Predicted place", "Paris", "dog")
        + bag("lr:hierarchicalSubject", "Predicted place|Europe|France", "Predicted places|x")
    )
    removal = without_prediction(data)
    assert removal.packet is not None
    assert said(removal.packet) == {
        name("dc:subject"): ["Paris", "dog"],
        name("lr:hierarchicalSubject"): ["Predicted places|x"],
    }


def test_without_a_prediction_nothing_happens() -> None:
    for data in SOUND.values():
        if b"Predicted place" not in data:
            assert without_prediction(data) == (data, (), True)


def test_what_others_hold_is_kept_and_named() -> None:
    def left_out(data: bytes | None) -> tuple[str, ...]:
        return withheld(with_prediction(data, COMPAT), COMPAT)

    assert left_out(None) == left_out(SOUND["keywords"]) == ()
    assert left_out(SOUND["our keywords already"]) == ()
    assert left_out(SOUND["place of another"]) == ("Iptc4xmpExt:LocationCreated",)
    assert left_out(SOUND["keywords as text"]) == ("dc:subject",)
    names = left_out(SOUND["city and position of another"])
    assert {"photoshop:City", "photoshop:Country", "exif:GPSLatitude", "exif:GPSStatus"} < {*names}


def test_a_new_packet_that_is_no_xml_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("geotagger.metadata.xmp.writing.escape", str)
    with pytest.raises(CannotEmbedError, match="damaged"):
        with_prediction(None, replace(TAGS, city="a < b"))


def test_what_hides_a_field_of_iptc_is_withheld_too() -> None:
    foreign = ForeignTags(properties=frozenset({"photoshop:City"}))
    city = ("photoshop:City", "photoshop:State", "photoshop:Country")
    assert withheld(None, COMPAT, foreign) == city
    assert withheld(None, TAGS, foreign) == ()


def test_names_are_written_so_that_every_reader_gives_them_back() -> None:
    odd = replace(TAGS, city="A\0b\r\n c\ud800", region="x|y/z", country="<&\"'>]]>")
    found = prediction_in(with_prediction(None, odd))
    assert found is not None
    assert (found.city, found.region, found.country) == ("A b c", "x|y/z", "<&\"'>]]>")
    texts = said(with_prediction(None, odd))
    assert texts[name("lr:hierarchicalSubject")][0].count("|") == 4
    assert texts[name("digiKam:TagsList")][0].count("/") == 4


def test_no_prediction_without_sense() -> None:
    for wrong in (
        {"confidence": float("nan")},
        {"point": Point(91, 0)},
        {"point": Point(0, float("nan"))},
        {"radius_km": float("inf")},
        {"groups": frozenset({"city"})},
        {"alternatives": (Alternative("x", 0, 181, 0.1),)},
    ):
        with pytest.raises(ValueError, match=r"finite|out of range|unknown"):
            replace(TAGS, **wrong)


@pytest.mark.parametrize(
    ("lat", "lon", "expected"),
    [
        ("48,51.504N", "2,17.67E", Point(48.8584, 2.2945)),
        ("48,51,30.24N", "2,17,40.2W", Point(48.8584, -2.2945)),
        ("33,52.1s", " 151,12.4E ", Point(-33.868333, 151.206667)),
        ("0,0.0N", "0,0.0E", "0, 0"),
        ("91,0N", "0,0E", "out of range"),
        ("48,51.504", "2,17.67E", Point(48.8584, 2.2945)),
        ("48.85", "2.29", Point(48.85, 2.29)),
        ("-33.45", "-70.66", Point(-33.45, -70.66)),
        ("+33.45", "-.5", Point(33.45, -0.5)),
        ("48/1,51/1,302400/10000N", "2,17,40.2e", Point(48.8584, 2.2945)),
        ("48 51 30.24 N", "W 2 17 40.2", Point(48.8584, -2.2945)),
        ("48 deg 51' 30.24&quot; North", "2\u00b017'40.2&quot; West", Point(48.8584, -2.2945)),
        ("48.85 km", "2.29", "no number"),
        ("48,51,30,24N", "2,17.6E", "no number"),
        ("48,51.5E", "2,17.6E", "N/S reference"),
        ("nan", "2,17.6E", "no number"),
        ("48,51.504N", None, "no GPS longitude"),
        ("", "", "no number"),
    ],
)
def test_a_position_that_stands_in_xmp(lat: str, lon: str | None, expected: Point | str) -> None:
    attributes = f' exif:GPSLatitude="{lat}"' + (f' exif:GPSLongitude="{lon}"' if lon else "")
    if lat == "":
        attributes += ' exif:GPSLongitude=""'
    found = gps_in(packet(attributes=attributes))
    assert found is not None
    assert not found.is_prediction
    if isinstance(expected, str):
        assert found.point is None
        assert expected in found.problem
    else:
        assert found.point is not None
        assert found.point.lat == pytest.approx(expected.lat, abs=1e-6)
        assert found.point.lon == pytest.approx(expected.lon, abs=1e-6)


def test_decimal_degrees_with_a_reference_of_their_own() -> None:
    """As Apple's Photos writes them."""
    data = packet(
        "<exif:GPSLatitudeRef>N</exif:GPSLatitudeRef><exif:GPSLatitude>27.5</exif:GPSLatitude>"
        "<exif:GPSLongitudeRef>W</exif:GPSLongitudeRef><exif:GPSLongitude>82.25</exif:GPSLongitude>"
    )
    assert gps_in(data) == XmpGps(Point(27.5, -82.25), "", False)


def test_our_own_position_is_known_as_a_prediction() -> None:
    assert gps_in(with_prediction(None, TAGS)) is None
    found = gps_in(with_prediction(None, COMPAT))
    assert found == XmpGps(Point(pytest.approx(48.8584), pytest.approx(2.2945)), "", True)
    other = with_prediction(SOUND["city and position of another"], COMPAT)
    assert gps_in(other) == XmpGps(Point(45.75, pytest.approx(4.8333333)), "", False)


@given(st.data())
def test_damaged_packets_break_nothing(data: st.DataObject) -> None:
    sound = data.draw(st.sampled_from([*SOUND.values(), wrapped("").encode()]))
    if data.draw(st.booleans()):
        sound = with_prediction(sound, COMPAT)
    damaged = bytearray(sound)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(damaged)))
        length = data.draw(st.integers(0, 30))
        junk = st.binary(max_size=8) | st.sampled_from(
            [
                b"<",
                b">",
                b"/>",
                b'"',
                b"<!--",
                b"-->",
                b"]]>",
                b"<![CDATA[",
                b"&#0;",
                b"rdf:li",
                b" a=''",
            ]
        )
        damaged[at : at + length] = data.draw(junk)
    packet_bytes = bytes(damaged)
    prediction_in(packet_bytes)
    gps_in(packet_bytes)
    try:
        removal = without_prediction(packet_bytes)
        new = with_prediction(packet_bytes, TAGS)
    except CannotEmbedError:
        return
    again = without_prediction(new) if new else removal
    assert again.packet == removal.packet or not removal.exact or not packet_bytes


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no folder of real files")
def test_real_packets_come_back() -> None:
    pattern = re.compile(
        rb"<\?xpacket begin=.*?<\?xpacket end=.{5}|<x:xmpmeta.*?</x:xmpmeta>", re.S
    )
    written = refused = 0
    for path in sorted(path for path in CORPUS.rglob("*") if path.is_file()):
        content = path.read_bytes()
        found = [content] if path.suffix == ".xmp" else pattern.findall(content)
        for data in found:
            try:
                new = with_prediction(data, COMPAT)
            except CannotEmbedError:
                refused += 1
                continue
            written += 1
            assert without_prediction(new)[::2] == (data, True), path
            assert prediction_in(new) == COMPAT, path
    assert written > refused
