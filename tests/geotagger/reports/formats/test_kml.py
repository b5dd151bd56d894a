"""KML as the OGC's schema wants it, and harmless whatever photos are called."""

import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from urllib.parse import unquote, urlparse

import pyogrio
import pytest
from fastkml import KML, Folder, Placemark
from fastkml.validator import validate
from lxml import etree
from PIL import Image

from geotagger.errors import GeotaggerError
from geotagger.reports.formats.registry import open_report
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS
from geotagger.types import Photo, Point, Status
from tests.fixtures.samples import HOSTILE_TEXTS, outcomes, write_report

NS = {"k": "http://www.opengis.net/kml/2.2"}


def placemarks(path):
    tree = etree.parse(path)
    return tree.findall(".//k:Placemark[k:ExtendedData]", NS)


def styles_of(tree):
    return tree.findall(".//k:Style", NS)


def text(element, path):
    return element.findtext(path, namespaces=NS)


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data)


def test_the_schema_of_the_ogc_is_kept(tmp_path):
    path = write_report(tmp_path / "r.kml", outcomes())
    assert validate(file_to_validate=path)


@pytest.mark.parametrize("lat", [-90.0, -45.0, 0.0, 89.9])
@pytest.mark.parametrize("lon", [-180.0, 0.0, 179.9])
@pytest.mark.parametrize("radius_km", [0.1, 500.0, 3000.0, 20_015.0])
def test_the_schema_is_kept_anywhere(tmp_path, lat, lon, radius_km):
    (first, *_) = outcomes()
    there = replace(first.prediction, point=Point(lat, lon), radius_km=radius_km)
    path = write_report(tmp_path / "r.kml", [replace(first, prediction=there)])
    assert validate(file_to_validate=path)


def test_another_parser_finds_folders_by_country(tmp_path):
    path = write_report(tmp_path / "r.kml", outcomes())
    (document,) = KML.parse(path).features
    names = [folder.name for folder in document.features]
    assert names == [f"France ({1 + len(HOSTILE_TEXTS)})", "No country (1)", "No position (1)"]
    photos = [item for item in document.features[0].features if isinstance(item, Placemark)]
    (circles,) = [item for item in document.features[0].features if isinstance(item, Folder)]
    assert circles.name == "90 % circles"
    assert len(circles.features) == len(photos) == 1 + len(HOSTILE_TEXTS)
    assert (photos[0].geometry.x, photos[0].geometry.y) == (4.84, 45.76)
    assert photos[0].view.range == 36_000


def test_gdal_reads_points_and_circles(tmp_path):
    path = write_report(tmp_path / "r.kml", outcomes())
    layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    assert "France (18)" in layers
    assert pyogrio.read_info(path, layer="France (18)")["features"] == 18


def test_the_cells_of_a_photo_are_its_extended_data(tmp_path):
    path = write_report(tmp_path / "r.kml", outcomes())
    for element, outcome in zip(placemarks(path)[:1], outcomes(), strict=False):
        data = {
            item.get("name"): text(item, "k:value") for item in element.iterfind(".//k:Data", NS)
        }
        cells = row(outcome)
        assert data == {
            name: str(cells[name])
            for name in COLUMNS
            if isinstance(cells[name], str | float) and cells[name] != ""
        }


def test_hostile_texts_stay_texts(tmp_path):
    path = write_report(tmp_path / "r.kml", outcomes())
    notes = []
    for element in placemarks(path):
        shown = Tags(text(element, "k:description"))
        assert {tag for tag, _ in shown.tags} <= {"p", "b", "ol", "li"}
        assert not any(attributes for _, attributes in shown.tags)
        notes += [part[6:] for part in shown.texts if part.startswith("note: ")]
    assert set(notes) == {"zero bytes", *HOSTILE_TEXTS}


def test_balloons_show_nothing_but_the_description_which_is_escaped(tmp_path):
    tree = etree.parse(write_report(tmp_path / "r.kml", outcomes()))
    styles = {item.get("id"): text(item, "k:BalloonStyle/k:text") for item in styles_of(tree)}
    assert set(styles) == set(Status)
    assert set(styles.values()) == {"$[description]"}
    used = {item.text for item in tree.iterfind(".//k:styleUrl", NS)}
    assert used <= {f"#{name}" for name in styles}


def test_what_xml_cannot_hold_is_escaped(tmp_path):
    report = open_report(tmp_path / "r.kml")
    cells = row(next(outcomes()))
    bad = "\0\x08\x0b\x1f\x7f\x9f\ud800\udfff\ufffe\uffff\u202e"
    report.add_row({**cells, "path": bad, "note": bad, "country": bad, bad: bad})
    report.close()
    assert validate(file_to_validate=tmp_path / "r.kml")
    (element,) = placemarks(tmp_path / "r.kml")
    assert text(element, "k:name").startswith("\\x00\\x08\\x0b")


def photo(path, size=(400, 300)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, "teal").save(path, "JPEG")
    return path


def pictures(path):
    found = []
    for element in placemarks(path):
        shown = Tags(text(element, "k:description"))
        found += [attributes["src"] for tag, attributes in shown.tags if tag == "img"]
    return found


@pytest.mark.parametrize("name", ["a b.jpg", 'q"<script>.jpg', "javascript:x.jpg", "é#?%41.jpg"])
def test_balloons_show_photos_below_the_report_by_a_relative_link(tmp_path, name):
    there = photo(tmp_path / "photos" / name)
    (first, *_) = outcomes()
    path = write_report(tmp_path / "r.kml", [replace(first, photo=Photo(there, tmp_path))])
    (link,) = pictures(path)
    assert urlparse(link).scheme == urlparse(link).netloc == ""
    assert (tmp_path / unquote(link)).samefile(there)
    assert "<" not in link
    assert '"' not in link


def test_balloons_show_photos_elsewhere_by_an_absolute_link(tmp_path):
    there = photo(tmp_path / "photos" / "ä.jpg")
    (tmp_path / "reports").mkdir()
    (first, *_) = outcomes()
    path = write_report(
        tmp_path / "reports" / "r.kml", [replace(first, photo=Photo(there, tmp_path))]
    )
    (link,) = pictures(path)
    assert link == there.resolve().as_uri()


def test_nothing_is_shown_without_thumbnails(tmp_path):
    there = photo(tmp_path / "a.jpg")
    (first, *_) = outcomes()
    items = [replace(first, photo=Photo(there, tmp_path))]
    assert pictures(write_report(tmp_path / "r.kml", items, ReportStyle(thumbnails=False))) == []
    with zipfile.ZipFile(
        write_report(tmp_path / "r.kmz", items, ReportStyle(thumbnails=False))
    ) as archive:
        assert archive.namelist() == ["doc.kml"]


def test_nothing_is_fetched_from_anywhere(tmp_path):
    content = write_report(tmp_path / "r.kml", outcomes()).read_text("utf-8")
    assert content.count("http") == content.count('xmlns="http://www.opengis.net/kml/2.2"') == 1


def test_a_kmz_holds_small_pictures_of_its_own(tmp_path):
    there = photo(tmp_path / "photos" / "a.jpg", (1000, 500))
    (first, *_) = outcomes()
    bad = replace(first, photo=Photo(Path("gone.jpg"), Path()))
    path = write_report(tmp_path / "r.kmz", [bad, replace(first, photo=Photo(there, tmp_path))])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["doc.kml", "thumbnails/1.jpg"]
        document = archive.read("doc.kml")
        assert validate(element=etree.fromstring(document))
        assert pictures(BytesIO(document)) == ["thumbnails/1.jpg"]
        with Image.open(archive.open("thumbnails/1.jpg")) as small:
            assert small.format == "JPEG"
            assert max(small.size) <= 400


@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".parquet", ".geojson"])
def test_an_empty_report_leaves_no_trace(tmp_path, suffix):
    open_report(tmp_path / f"r{suffix}").close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".parquet", ".geojson"])
def test_an_earlier_report_stays_whole_until_the_new_one_is_done(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    path.write_text("old gps_check")
    report = open_report(path)
    report.add(next(outcomes()))
    assert path.read_text() == "old gps_check"
    report.close()
    assert len(path.read_bytes()) > 500
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk at hand")
@pytest.mark.parametrize("suffix", [".kml", ".kmz", ".parquet", ".geojson"])
def test_a_full_disk_names_the_report_and_the_remedy(tmp_path, suffix):
    path = tmp_path / f"r{suffix}"
    path.write_text("old")
    path.with_name(path.name + ".partial").symlink_to("/dev/full")
    report = open_report(path)

    def to_the_end():
        try:
            for outcome in outcomes():
                report.add(outcome)
        finally:
            report.close()

    with pytest.raises(GeotaggerError, match=r"report .*No space.*make room"):
        to_the_end()
    assert path.read_text() == "old"
