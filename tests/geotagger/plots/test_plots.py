import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from geotagger.errors import UsageError
from geotagger.geography.sphere import haversine_km
from geotagger.plots import files
from geotagger.plots.chart import Chart
from geotagger.plots.figure import Dots, Figure, Polylines, ShapeStyle, TextLabel, arrange
from geotagger.plots.table import Table
from geotagger.plots.world import LocalMap, WorldMap, circle, equal_earth, great_circle
from geotagger.types import Point

PARIS, SUVA = Point(48.8566, 2.3522), Point(-18.14, 178.44)


def test_equal_earth_at_known_points():
    """x at the equator's end and y at the pole, as published (Šavrič et al. 2018)."""
    x, y = equal_earth([0, 90, -90], [180, 0, 0])
    assert x == pytest.approx([2.7066, 0, 0], abs=1e-3)
    assert y == pytest.approx([0, 1.3174, -1.3174], abs=1e-3)


@pytest.mark.parametrize("centre", [PARIS, SUVA, Point(89.0, 10.0)])
@pytest.mark.parametrize("radius_km", [25.0, 3000.0])
def test_a_circle_keeps_its_distance(centre, radius_km):
    lat, lon = circle(centre, radius_km)
    assert haversine_km(centre.lat, centre.lon, lat, lon) == pytest.approx(radius_km, rel=1e-6)
    assert np.abs(lon).max() <= 180


def test_the_shortest_way_is_the_shortest():
    lat, lon = great_circle(PARIS, SUVA)
    steps_km = haversine_km(lat[:-1], lon[:-1], lat[1:], lon[1:])
    whole_km = haversine_km(PARIS.lat, PARIS.lon, SUVA.lat, SUVA.lon)
    assert steps_km.sum() == pytest.approx(whole_km, rel=1e-6)
    assert (lat[0], lon[0]) == pytest.approx((PARIS.lat, PARIS.lon))
    assert great_circle(PARIS, PARIS)[0] == pytest.approx(PARIS.lat)


def test_lines_are_cut_where_the_map_ends():
    world = WorldMap("w")
    assert len(world.pixel_lines(*circle(PARIS, 300))) == 1
    tracks = world.pixel_lines(*circle(SUVA, 1000))
    assert len(tracks) >= 2
    assert max(np.abs(np.diff(track[:, 0])).max() for track in tracks) < 20


def test_around_a_point_distances_are_true():
    around = LocalMap("s", SUVA, 500)
    px = around.pixels(*circle(SUVA, 250))
    assert np.hypot(*(px - 210).T) == pytest.approx(105, abs=0.2)
    north = around.pixels([SUVA.lat + 1], [SUVA.lon])[0]
    assert north[1] < 210


def test_charts_are_in_units_of_their_data():
    chart = Chart("c", "x", "y")
    chart.dots([0, 1], [0, 1], [2, 2], ShapeStyle(fill="#000000"))
    (left, bottom), (right, top) = chart.figure.shapes[-1].centres
    assert left < right
    assert top < bottom


def figure():
    made = Figure(60, 40, "a <b> & c")
    made.add(
        Polylines(
            [np.array([[0, 0], [20, 0], [20, 20]], float)], ShapeStyle(fill="#ff0000"), closed=True
        ),
        Polylines(
            [np.array([[0, 30], [60, 30]], float)], ShapeStyle(stroke="#0000ff", dashed=True)
        ),
        Dots(np.array([[40.0, 10.0]]), np.array([5.0]), ShapeStyle(fill="#00ff00", opacity=0.5)),
        TextLabel(30, 38, "</svg> & é", anchor="middle"),
        TextLabel(55, 38, "up", upright=False),
    )
    return made


def test_svg_is_well_formed_whatever_the_words():
    root = ET.fromstring(figure().to_svg())
    assert root.find("{*}title").text == "a <b> & c"
    assert root.find("{*}text").text == "</svg> & é"


def test_png_shows_the_same(tmp_path):
    files.write(tmp_path / "f.png", "f", ["words", figure()])
    with Image.open(tmp_path / "f.png") as image:
        assert image.height == 80
        assert image.getpixel((36, 6)) == (255, 0, 0)
        assert image.getpixel((80, 20)) == pytest.approx((127, 255, 127), abs=1)
        assert image.getpixel((2, 60)) == (0, 0, 255)
        assert image.getpixel((14, 60)) == (255, 255, 255)


def test_figures_are_set_side_by_side_and_then_below():
    whole = arrange([figure(), figure(), figure()], "w", 130)
    assert (whole.width_px, whole.height_px) == (130, 80)
    corners = [tuple(s.lines[0][0]) for s in whole.shapes if isinstance(s, Polylines)][::2]
    assert corners == [(0, 0), (60, 0), (0, 40)]


def test_html_escapes_what_photos_say(tmp_path):
    parts = ["<script>", Table("<i>", ("a", "b"), [("<u>", "1")])]
    files.write(tmp_path / "p.html", "<b>", parts)
    html = (tmp_path / "p.html").read_text("utf-8")
    assert not any(tag in html for tag in ("<script>", "<i>", "<u>", "<b>"))


@pytest.mark.parametrize("suffix", files.MARKS)
def test_what_was_drawn_may_be_drawn_again(tmp_path, suffix):
    path = tmp_path / f"why{suffix}"
    files.check_target(path)
    files.write(path, "why", [figure()])
    files.check_target(path)
    path.write_bytes(b"")
    files.check_target(path)


@pytest.mark.parametrize("suffix", files.MARKS)
def test_a_photo_or_a_page_of_the_users_is_not_drawn_over(tmp_path, suffix):
    path = tmp_path / f"mine{suffix}"
    Image.new("RGB", (8, 8)).save(path, "PNG")
    with pytest.raises(UsageError, match="not drawn by geotagger: give another name"):
        files.check_target(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(UsageError, match="exists already"):
        files.check_target(path)


def test_tables_line_up():
    text = Table("t", ("name", "n"), [("long name", "1"), ("x", "22")], "note").to_text()
    assert text.splitlines() == [
        "t",
        "  name        n",
        "  long name   1",
        "  x          22",
        "  note",
    ]
