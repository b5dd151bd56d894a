"""The HTML report as a file; `test_map_browser.py` opens it."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.formats import html as map_report
from geotagger.reports.formats.writer import ReportStyle
from geotagger.reports.page import render as page
from geotagger.reports.page.photo_columns import NO_DAY, PhotoColumns
from geotagger.reports.rows import row
from geotagger.types import Outcome, Photo, Status
from tests.fixtures.reviewing import drawn_outcomes, hostile_names, make_photo
from tests.fixtures.samples import HOSTILE_HTML, write_report


def blocks(html, name):
    pattern = rf'<script type="application/json" class="{name}">(.*?)</script>'
    return [json.loads(text) for text in re.findall(pattern, html, re.S)]


@pytest.fixture
def rows(tmp_path):
    return drawn_outcomes(tmp_path / "photos")


def test_everything_is_in_one_file_and_no_address_is_fetched(tmp_path, rows):
    html = write_report(tmp_path / "r.html", rows).read_text("utf-8")
    assert [cells["path"] for cells in blocks(html, "rows")[0]] == [str(r.photo.path) for r in rows]
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", html)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src &#x27;none&#x27;" in policy
    assert "connect-src" not in policy
    assert "self" not in policy
    assert "unsafe" not in policy


def test_the_policy_names_the_script_and_the_style_by_their_hashes(tmp_path, rows):
    from base64 import b64encode
    from hashlib import sha256

    html = write_report(tmp_path / "r.html", rows).read_text("utf-8")
    script = re.findall(r"<script>(.*?)</script>", html, re.S)
    style = re.findall(r"<style>(.*?)</style>", html, re.S)
    assert len(script) == len(style) == 1
    for text in (*script, *style):
        assert f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}" in html


def test_thumbnails_are_small_upright_and_without_metadata(tmp_path, rows):
    html = write_report(tmp_path / "r.html", rows).read_text("utf-8")
    pictures = blocks(html, "pictures pictures-0")[0]
    assert [bool(picture) for picture in pictures] == [True, True, True, True, False]
    with Image.open(BytesIO(b64decode(pictures[0]))) as image:
        assert max(image.size) <= 160
        assert not image.getexif()


def test_sensitive_sets_have_no_thumbnails(tmp_path, rows):
    html = write_report(tmp_path / "r.html", rows, ReportStyle(thumbnails=False)).read_text("utf-8")
    assert 'class="pictures' not in html
    assert "webp;base64" not in html.partition("<script>")[0]


def test_pictures_stop_at_their_cap(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(map_report, "THUMBNAIL_BYTES", 2000)
    html = write_report(tmp_path / "r.html", rows).read_text("utf-8")
    pictures = blocks(html, "pictures pictures-0")[0]
    assert pictures[0]
    assert not any(pictures[1:])
    assert blocks(html, "setup")[0]["pictures"] == 1


def test_hostile_texts_end_no_script(tmp_path, rows):
    hostile = Reason(ReasonCode.UNREADABLE_FILE, HOSTILE_HTML + "<!-- <script>")
    bad = [replace(r, reasons=(hostile,)) for r in rows]
    for i, name in enumerate(hostile_names()):
        make_photo(tmp_path / name, i)
        bad.append(Outcome(Photo(tmp_path / name, tmp_path), Status.UNSURE))
    html = write_report(tmp_path / "r.html", bad).read_text("utf-8")
    data = html.partition("<noscript>")[2]
    starts = re.findall(r"<[/!a-z]+", data.partition("<script>\n")[0])
    assert set(starts) <= {"<p", "</p", "</noscript", "<script", "</script"}
    told = [cells for block in blocks(html, "rows") for cells in block]
    assert told[0]["note"].startswith(HOSTILE_HTML)
    assert "\u202e" not in html


def test_blocks_hold_all_rows_in_order(tmp_path, rows):
    many = [replace(rows[0], photo=Photo(tmp_path / f"{i}.jpg", tmp_path)) for i in range(250)]
    html = write_report(tmp_path / "r.html", many, ReportStyle(thumbnails=False)).read_text("utf-8")
    told = blocks(html, "rows")
    assert [len(block) for block in told] == [100, 100, 50]
    names = [cells["path"] for block in told for cells in block]
    assert names == [str(r.photo.path) for r in many]
    assert blocks(html, "columns")[0]["rows"] == 250


def test_the_columns_say_what_the_rows_say(rows):
    columns = PhotoColumns()
    for outcome in rows:
        columns.add(row(outcome))
    told = columns.to_json()

    def column(name, kind):
        return np.frombuffer(b64decode(told["columns"][name]), kind)

    assert column("lat", "<f4")[:2].tolist() == pytest.approx([43.7085, 43.7085], abs=1e-4)
    assert np.isnan(column("lat", "<f4")[4])
    assert column("day", "<i4")[0] == 18091  # 2019-07-14
    assert column("day", "<i4")[4] == NO_DAY
    countries = [told["countries"][i][0] for i in column("country", "<u2")]
    assert countries == ["IT", "IT", "KE", "FJ", ""]
    sources = [told["names_of_sources"][i] for i in range(8) if column("sources", "u1")[0] >> i & 1]
    assert sources == ["picture", "clock"]
    assert column("sources", "u1")[4] == 0
    assert told["statuses"][column("status", "u1")[4]] == "failed"


def test_towns_near_photos_are_named_and_small_ones_far_away_are_not(rows):
    columns = PhotoColumns()
    for outcome in rows[:2]:
        columns.add(row(outcome))
    towns = {name: people for name, _, _, people in columns.towns()}
    assert "Pontedera" in towns  # 29,000 people, 20 km from Pisa
    assert towns["Tokyo"] > 1e6
    assert not any(people < 200_000 and name == "Garissa" for name, people in towns.items())


def test_json_ends_no_element():
    text = page.as_json({"a": "</script><!--\u2028"})
    assert "<" not in text
    assert "\u2028" not in text
    assert json.loads(text) == {"a": "</script><!--\u2028"}
