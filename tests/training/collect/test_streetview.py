"""training/collect/streetview.py against a server of its own on 127.0.0.1."""

import csv
import io
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.geography.sphere import haversine_km
from training.collect import streetview as collect_streetview
from training.collect import web
from training.data.dataset import read_photos

KEY = "secret-key-0815"


def jpeg(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (160, 160, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "JPEG")
    return stream.getvalue()


class Server:
    """Answers as `answer(path, query, headers)` says: (status, headers, body)."""

    def __init__(self):
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                outer.asked.append((parts.path, query, dict(self.headers)))
                status, headers, body = outer.answer(parts.path, query)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def answer(self, path, query):
        if path == "/maps/api/streetview/metadata":
            lat, lon = (float(value) for value in query["location"].split(","))
            if lat < -80:
                return json_answer({"status": "ZERO_RESULTS"})
            place = {"lat": lat + 0.001, "lng": lon}
            return json_answer({"status": "OK", "pano_id": f"p{lat:.3f}", "location": place,
                                "date": "2019-05", "copyright": "© Ann, the walker"})  # fmt: skip
        if path == "/maps/api/streetview":
            return 200, {"Content-Type": "image/jpeg"}, jpeg(hash(query["heading"]) % 2**32)
        if path == "/images":
            west, south, east, north = (float(value) for value in query["bbox"].split(","))
            middle = [(west + east) / 2, (south + north) / 2]
            return json_answer({"data": [
                photo("1", [west, south]), photo("2", middle), photo("3", middle, is_pano=True),
                {"id": "4"}, photo("5", middle) | {"thumb_1024_url": None, "geometry": None},
            ]} | {"x": self.url})  # fmt: skip
        if path.startswith("/thumb/"):
            return 200, {}, jpeg(int(path[-1]))
        return 404, {}, b""

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def json_answer(document):
    return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()


def photo(number, coordinates, **more):
    own = {"id": number, "computed_geometry": {"coordinates": coordinates}, "captured_at": 1e12}
    thumb = {"creator": {"username": "bob"}, "thumb_1024_url": f"{{base}}/thumb/{number}"}
    return own | thumb | more


@pytest.fixture
def server(monkeypatch):
    found = Server()
    plain = found.answer

    def answer(path, query):
        status, headers, body = plain(path, query)
        return status, headers, body.replace(b"{base}", found.url.encode())

    found.answer = answer
    for name in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    yield found
    found.close()


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("GOOGLE_MAPS_API_KEY", KEY)
    monkeypatch.setenv("MAPILLARY_ACCESS_TOKEN", KEY)
    monkeypatch.setattr(web.time, "sleep", lambda _: None)


def write_points(file, *points):
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("lat", "lon", "label"))
        writer.writerows((*point, "Paris, FR") for point in points)
    return file


def run(service, points, folder, server, *more):
    arguments = [service, points, folder, "--base-url", server.url, "--per-second", 1e6, *more]
    result = CliRunner().invoke(collect_streetview.main, [str(a) for a in arguments])
    assert KEY not in result.output
    assert KEY not in str(result.exception)
    for file in folder.rglob("*"):
        assert file.is_dir() or KEY.encode() not in file.read_bytes()
    return result


def rows(file):
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_four_views_of_each_point_with_whom_they_are_owed_to(server, tmp_path):
    points = write_points(tmp_path / "p.csv", (48.85, 2.35), (-85, 0), (35.68, 139.69))
    result = run("google", points, tmp_path / "out", server)
    assert result.exit_code == 0, (result.output, result.exception)
    found = rows(tmp_path / "out" / "labels.csv")
    assert len(found) == 8
    assert {row["attribution"] for row in found} == {"© Ann, the walker"}
    assert {row["rights"] for row in found} == {"google"}
    assert len({row["source"] for row in found}) == 2
    for side, row in enumerate(found[:4]):
        turn = (float(row["heading"]) - 90 * side + 180) % 360 - 180
        assert abs(turn) <= 15
    assert (float(found[0]["lat"]), float(found[0]["lon"])) == (48.851, 2.35)
    view = next(query for path, query, _ in server.asked if path == "/maps/api/streetview")
    assert (view["size"], view["fov"], view["pitch"]) == ("640x640", "90", "20")
    outcome = rows(tmp_path / "out" / "asked.csv")
    assert [row["images"] for row in outcome] == ["4", "0", "4"]
    examples, problems = read_photos(tmp_path / "out")
    assert not problems
    assert examples[0].columns["attribution"] == "© Ann, the walker"
    assert examples[0].label == "Paris, FR"


def test_it_goes_on_where_it_was_stopped(server, tmp_path):
    points = write_points(tmp_path / "p.csv", (10, 10), (20, 20), (30, 30))
    out = tmp_path / "out"
    assert run("google", points, out, server, "--limit", 1).exit_code == 0
    assert len(rows(out / "labels.csv")) == 4
    before = len(server.asked)
    with (out / "labels.csv").open("a") as stream:
        stream.write("images/half")  # killed while it wrote
    (out / "asked.csv").write_text("point,images,problem\n")  # and before it noted the point
    result = run("google", points, out, server)
    assert result.exit_code == 0, (result.output, result.exception)
    found = [row["file"] for row in rows(out / "labels.csv")]
    assert len(found) == len(set(found)) == 12
    assert len(server.asked) == before + 15
    assert run("google", points, out, server).exit_code == 0
    assert len(server.asked) == before + 15
    assert not list(out.rglob("*.part"))


def test_nearest_flat_photos_of_mapillary_and_the_key_stays_at_home(server, tmp_path):
    points = write_points(tmp_path / "p.csv", (48.85, 2.35))
    result = run("mapillary", points, tmp_path / "out", server)
    assert result.exit_code == 0, (result.output, result.exception)
    (row,) = rows(tmp_path / "out" / "labels.csv")
    assert row["file"] == "images/mapillary_2.jpg"
    assert row["source"] == "mapillary bob"
    assert row["rights"] == "CC-BY-SA-4.0"
    assert "pKey=2" in row["attribution"]
    asked = {path: headers.get("Authorization") for path, _, headers in server.asked}
    assert asked == {"/images": f"OAuth {KEY}", "/thumb/2": None}


def test_a_missing_key_is_named(server, tmp_path, monkeypatch):
    monkeypatch.delenv("GOOGLE_MAPS_API_KEY")
    result = run("google", write_points(tmp_path / "p.csv", (1, 1)), tmp_path / "out", server)
    assert result.exit_code == 1
    assert "GOOGLE_MAPS_API_KEY" in result.output
    assert not server.asked


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((403, {}, KEY.encode()), "answers 403; check the key"),
        ((400, {}, b""), "answers 400"),
        ((302, {"Location": "http://127.0.0.1:9/steal"}, b""), "answers 302"),
        ((200, {}, b"<html>"), "is not JSON"),
        ((200, {}, b"[]"), "is not a JSON object"),
        ((200, {}, b'{"status": "REQUEST_DENIED", "error_message": "' + KEY.encode() + b'"}'),
         "REQUEST_DENIED"),
        ((200, {}, b'{"status": "OK"}'), "cannot be used"),
        ((503, {}, b""), "tried 5 times"),
    ],
)  # fmt: skip
def test_refusals_stop_the_run_with_a_line(server, tmp_path, answer, message):
    server.answer = lambda *_: answer
    result = run("google", write_points(tmp_path / "p.csv", (1, 1)), tmp_path / "out", server)
    assert result.exit_code == 1
    assert message in result.output
    assert rows(tmp_path / "out" / "asked.csv") == []


def test_it_is_patient_and_picks_up(server):
    waits = []
    answer = server.answer
    refusals = iter([(429, {"Retry-After": "7"}, b""), (500, {}, b"")])
    server.answer = lambda *asked: next(refusals, None) or answer(*asked)
    with web.WebService(server.url, KEY, 1e6, key_parameter="key", sleep=waits.append) as service:
        found = service.json("/maps/api/streetview/metadata", {"location": "1,1"})
    assert found["status"] == "OK"
    assert [wait for wait in waits if wait > 0.5] == [7, 2]
    assert KEY not in repr(service)


def test_the_key_is_in_no_log(server, caplog):
    caplog.set_level(logging.DEBUG)
    with web.WebService(server.url, KEY, 1e6, key_parameter="key") as service:
        service.json("/maps/api/streetview/metadata", {"location": "1,1"})
    assert server.asked[-1][1]["key"] == KEY
    assert KEY not in caplog.text


def test_requests_keep_their_pace(server):
    now, waits = [100.0], []

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds

    service = web.WebService(
        server.url, KEY, 4, key_parameter="key", clock=lambda: now[0], sleep=sleep
    )
    for _ in range(3):
        service.data("/maps/api/streetview", {"heading": "1"})
    assert waits == pytest.approx([0.25, 0.25])


def test_only_addresses_of_the_web_are_fetched():
    service = web.WebService("https://example.org", KEY, 1)
    with pytest.raises(web.WebError, match="file"):
        service.linked_data("file:///etc/passwd")
    with pytest.raises(web.WebError, match="http"):
        service.linked_data("http://example.org/plain.jpg")


def test_an_image_that_cannot_be_read_is_noted_and_not_kept(server, tmp_path):
    answer = server.answer

    def spoilt(path, query):
        return (200, {}, b"not an image") if path == "/maps/api/streetview" else answer(path, query)

    server.answer = spoilt
    result = run("google", write_points(tmp_path / "p.csv", (1, 1)), tmp_path / "out", server)
    assert result.exit_code == 0, (result.output, result.exception)
    (row,) = rows(tmp_path / "out" / "asked.csv")
    assert row["images"] == "0"
    assert "p1.000" in row["problem"]
    assert not list((tmp_path / "out" / "images").iterdir())


def test_points_around_cities(tmp_path):
    places = tmp_path / "c.json"
    places.write_text(
        '{"locations": [{"city": "Suva", "country": "FJ"}, {"city": "Paris", "country": "FR"}]}'
    )
    arguments = ["points", str(places), str(tmp_path / "p.csv"), "--each", "50", "--radius-km", "5"]
    result = CliRunner().invoke(collect_streetview.main, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    found = collect_streetview.read_points(tmp_path / "p.csv")
    assert len(found) == 100
    paris = [point for point in found if point.label == "Paris, FR"]
    km = [haversine_km(48.853, 2.349, point.lat, point.lon) for point in paris]
    assert 3 < max(km) < 5.2
    assert np.mean(km) == pytest.approx(10 / 3, abs=0.6)


@pytest.mark.parametrize("text", ["lat,lon\n1,x\n", "lat,lon\n91,0\n", "latitude,lon\n1,2\n"])
def test_points_that_are_none_are_named(tmp_path, text, server):
    (tmp_path / "p.csv").write_text(text)
    result = run("google", tmp_path / "p.csv", tmp_path / "out", server)
    assert result.exit_code == 1
    assert "row 2" in result.output
