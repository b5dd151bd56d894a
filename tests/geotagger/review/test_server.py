"""The review's server: what it answers, to whom, and what it refuses."""

import hashlib
import shutil
from array import array
from base64 import b64decode
from dataclasses import replace
from io import BytesIO

import pytest
from PIL import Image
from starlette.testclient import TestClient

from geotagger.config import Overwrite, RunOptions
from geotagger.metadata.read import read
from geotagger.reasons import Reason, ReasonCode
from geotagger.reports.page.photo_columns import COLUMNS
from geotagger.review.decisions import Decisions, PhotoKey
from geotagger.review.pictures import Pictures
from geotagger.review.server import make_application
from geotagger.review.session import ReviewSession
from geotagger.review.write_job import WriteJob
from geotagger.types import Outcome, Photo, Status
from tests.fixtures.drawer import texture
from tests.fixtures.reviewing import drawn_outcomes, make_photo
from tests.fixtures.samples import BERLIN, HOSTILE_HTML, write_report

HOST = "127.0.0.1:8123"
ORIGIN = f"http://{HOST}"
TOKEN = "t0ken"
TOWER, TOWER_2, GATE, ISLAND, BROKEN = range(5)


@pytest.fixture(params=[".csv", ".jsonl"])
def report(tmp_path, request):
    rows = drawn_outcomes(tmp_path / "photos")
    return write_report(tmp_path / f"r{request.param}", rows)


@pytest.fixture
def session(report):
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        yield session
        session.close()


@pytest.fixture
def stranger(session):
    """A client that was not given the address."""
    app = make_application(session, 8123, TOKEN)
    with TestClient(app, base_url=ORIGIN, headers={"origin": ORIGIN}) as client:
        yield client


@pytest.fixture
def client(stranger):
    assert stranger.get(f"/?token={TOKEN}").status_code == 200
    return stranger


def decide(client, **change):
    answer = client.post("/api/decide", json=change)
    assert answer.status_code == 200, answer.text
    return answer.json()


def states(client):
    return [row["decision"]["state"] for row in client.get("/api/rows/0").json()]


ADDRESSES = ["/", "/api/columns", "/api/rows/0", "/api/plan", "/photos/0/thumbnail", "/api/write"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_without_the_cookie_nothing_is_answered(stranger, address):
    answer = stranger.get(address)
    assert answer.status_code == 403
    assert set(answer.json()) == {"error"}


@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", TOKEN[:-1]])
def test_a_wrong_token_is_refused(stranger, token):
    assert stranger.get("/", params={"token": token}).status_code == 403
    assert not stranger.cookies


def test_the_token_works_once_and_leaves_the_address(stranger):
    answer = stranger.get(f"/?token={TOKEN}", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert TOKEN not in cookie
    stranger.cookies.clear()
    assert stranger.get(f"/?token={TOKEN}").status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example:8123", "127.0.0.1", "127.0.0.1:80", "0.0.0.0:8123", "127.0.0.1.nip.io:8123"],
)
def test_another_host_name_is_refused(client, host):
    for address in (*ADDRESSES, f"/?token={TOKEN}"):
        assert client.get(address, headers={"host": host}).status_code == 403
    answer = client.post("/api/undo", json={}, headers={"host": host, "origin": f"http://{host}"})
    assert answer.status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9", "", None])
def test_a_write_from_another_page_is_refused(client, origin):
    del client.headers["origin"]
    headers = {} if origin is None else {"origin": origin}
    for address in ("/api/decide", "/api/undo", "/api/write"):
        answer = client.post(address, json={"ids": [0], "state": "approved"}, headers=headers)
        assert answer.status_code == 403
    assert states(client) == [""] * 5


def test_a_form_of_another_site_is_refused(client):
    answer = client.post(
        "/api/decide", content='{"ids":[0]}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 415
    headers = {"sec-fetch-site": "cross-site"}
    assert client.get("/photos/0/thumbnail", headers=headers).status_code == 403


def test_what_is_too_long_is_refused(client):
    headers = {"content-type": "application/json"}
    assert (
        client.post("/api/decide", content=b" " * (5 * 2**20), headers=headers).status_code == 413
    )


@pytest.mark.parametrize(
    "address",
    [
        "/photos/../../etc/passwd/thumbnail",
        "/photos/%2e%2e%2f%2e%2e%2fetc%2fpasswd/thumbnail",
        "/photos/0/../../etc/passwd",
        "/photos/-1/thumbnail",
        "/photos/5/thumbnail",
        "/photos/99999999999999999999999/thumbnail",
        "/photos/0/original",
        "/photos/a/tower.jpg",
        "/static/../r.csv",
        "/r.csv",
        "/geotagger/review/server.py",
    ],
)
def test_only_rows_of_the_report_have_addresses(client, address):
    assert client.get(address).status_code == 404


def test_pictures_are_small_upright_and_without_metadata(client):
    for kind, most in (("thumbnail", 160), ("preview", 1400)):
        answer = client.get(f"/photos/{GATE}/{kind}")
        assert answer.headers["content-type"] == "image/webp"
        with Image.open(BytesIO(answer.content)) as image:
            assert max(image.size) <= most
            assert not image.getexif()


def test_pictures_of_other_formats_are_converted_and_turned_upright(tmp_path):
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was turned: what is stored as wide is high
    path = tmp_path / "turned.avif"
    texture(320, 200).save(path, exif=turned)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    shown = Pictures(tmp_path / "r.csv").picture(PhotoKey(str(path), sha256), "preview")
    with Image.open(BytesIO(shown)) as image:
        assert image.format == "WEBP"
        assert image.size == (200, 320)


def test_a_photo_that_was_swapped_is_not_shown(client, tmp_path):
    photo = tmp_path / "photos" / "a" / "tower.jpg"
    secret = tmp_path / "secret.jpg"
    make_photo(secret, 9)
    photo.unlink()
    photo.symlink_to(secret)
    for kind in ("thumbnail", "preview"):
        answer = client.get(f"/photos/{TOWER}/{kind}")
        assert answer.status_code == 409
        assert "changed since the report" in answer.json()["error"]


def test_a_link_to_the_very_same_photo_is_fine(client, tmp_path):
    photo = tmp_path / "photos" / "a" / "tower.jpg"
    shutil.move(photo, tmp_path / "moved.jpg")
    photo.symlink_to(tmp_path / "moved.jpg")
    assert client.get(f"/photos/{TOWER}/thumbnail").status_code == 200


def test_a_row_without_sha256_has_no_picture(client):
    answer = client.get(f"/photos/{BROKEN}/thumbnail")
    assert answer.status_code == 409
    assert "no SHA-256" in answer.json()["error"]


def test_every_answer_forbids_framing_sniffing_and_storing(client):
    for address in ("/", "/api/plan", "/photos/0/thumbnail", "/nowhere"):
        headers = client.get(address).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


def test_decisions_are_kept_and_taken_back(client):
    decide(client, ids=[TOWER, TOWER_2], state="approved")
    decide(client, ids=[GATE], state="rejected", note="wrong town")
    place = {"lat": BERLIN.point.lat, "lon": BERLIN.point.lon, "radius_km": 2}
    decide(client, ids=[ISLAND], state="corrected", **place)
    assert states(client) == ["approved", "approved", "rejected", "corrected", ""]
    rows = client.get("/api/rows/0").json()
    assert rows[GATE]["decision"]["note"] == "wrong town"
    assert rows[ISLAND]["decision"]["place"]["city"].startswith("Berlin")
    assert client.get("/api/plan").json() == {
        "photos": 3,
        "approved": 2,
        "corrected": 1,
        "written": 0,
    }
    client.post("/api/undo", json={})
    client.post("/api/undo", json={})
    assert states(client) == ["approved", "approved", "", "", ""]


def test_a_guess_that_names_no_place_is_left_undecided(client):
    answer = decide(client, ids=[TOWER, ISLAND, BROKEN], state="approved")
    assert answer["message"].startswith("2 left undecided")
    assert states(client) == ["approved", "", "", "", ""]


def test_a_photo_without_a_guess_can_be_placed(client):
    decide(client, ids=[BROKEN], state="corrected", lat=1.0, lon=2.0, radius_km=1)
    assert states(client)[BROKEN] == "corrected"


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"ids": "all", "state": "approved"},
        {"ids": [True], "state": "approved"},
        {"ids": [0], "state": "maybe"},
        {"ids": [0], "state": 3},
        {"ids": [0], "state": "corrected"},
        {"ids": [0], "state": "corrected", "lat": 91, "lon": 0, "radius_km": 1},
        {"ids": [0], "state": "corrected", "lat": "1", "lon": 0, "radius_km": 1},
        {"ids": [0], "state": "corrected", "lat": 1, "lon": 0, "radius_km": 0},
        {"ids": [0], "note": 3},
        {"ids": [0], "note": "x" * 3000},
        [1, 2],
        "approved",
    ],
)
def test_what_makes_no_sense_is_refused_and_decides_nothing(client, change):
    assert client.post("/api/decide", json=change).status_code == 400
    assert states(client) == [""] * 5


def test_a_row_that_is_not_there_is_refused(client):
    assert client.post("/api/decide", json={"ids": [0, 7], "state": "approved"}).status_code == 404
    assert states(client) == [""] * 5


def test_hostile_texts_stay_data(tmp_path):
    rows = [
        *drawn_outcomes(tmp_path / "photos"),
        Outcome(
            Photo(tmp_path / "x", tmp_path),
            Status.FAILED,
            reasons=(Reason(ReasonCode.UNREADABLE_FILE, HOSTILE_HTML),),
        ),
    ]
    report = write_report(tmp_path / "<b>&.csv", rows)
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        with TestClient(make_application(session, 8123, TOKEN), base_url=ORIGIN) as client:
            html = client.get(f"/?token={TOKEN}").text
            assert "<title>Review: &lt;b&gt;&amp;.csv</title>" in html
            assert "hacked" not in html  # rows come as JSON only
            answer = client.get("/api/rows/0")
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()[5]["note"] == HOSTILE_HTML
        session.close()


def test_places_are_found_by_name_and_by_coordinates(client):
    def names(text):
        return [
            place["name"]
            for place in client.get("/api/places", params={"q": text}).json()["places"]
        ]

    assert names("pisa")[0] == "Pisa, Tuscany, Italy"
    assert names("zürich") == names("ZURICH") != []
    assert names("paris, texas")[0].startswith("Paris, Texas")
    assert names("43.71, 10.40")[0] == "Pisa, Tuscany, Italy"
    assert names("0 -150") == ["at sea"]
    assert names("  ") == names("91, 0") == names("%") == []


def test_search_looks_into_paths_places_and_evidence(client):
    def found(text):
        return list(b64decode(client.get("/api/search", params={"q": text}).json()["found"]))

    assert found("pisa TOWER") == [1, 1, 0, 0, 0]
    assert found("no picture") == [0, 0, 0, 0, 1]
    assert found("%") == [1, 1, 1, 1, 0]  # of the evidence, and no wildcard
    assert found("' OR 1 --") == [0] * 5


def test_writing_wants_the_right_count_and_writes_only_what_was_approved(client, session, tmp_path):
    photos = tmp_path / "photos"
    before = {path: path.read_bytes() for path in photos.rglob("*.jpg")}
    decide(client, ids=[TOWER], state="approved")
    decide(client, ids=[TOWER_2], state="rejected")
    assert client.post("/api/write", json={"mode": "exif", "photos": 4}).status_code == 400
    assert client.post("/api/write", json={"mode": "fax", "photos": 1}).status_code == 400
    assert client.post("/api/write", json={"mode": "exif", "photos": 1}).status_code == 200
    session.job.join()
    done = client.get("/api/write").json()
    assert (done["running"], done["counts"], done["error"]) == (False, {"tagged": 1}, "")
    tower = photos / "a" / "tower.jpg"
    existing = read(tower.read_bytes())
    assert existing.gps_is_prediction
    assert existing.gps.lat == pytest.approx(43.7085, abs=1e-5)
    assert [path.name for path in before if path.read_bytes() != before[path]] == ["tower.jpg"]
    assert client.get("/api/plan").json()["photos"] == 0
    assert client.get(f"/photos/{TOWER}/preview").status_code == 200  # still the report's photo


@pytest.mark.slow
def test_a_hundred_thousand_rows_are_paged(tmp_path):
    first = drawn_outcomes(tmp_path / "photos")[0]
    rows = (
        replace(first, photo=Photo(tmp_path / f"{i:06}.jpg", tmp_path), sha256=f"{i:064x}")
        for i in range(100_000)
    )
    report = write_report(tmp_path / "many.jsonl", rows)
    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        assert len(session.index) == 100_000
        assert len(session.rows(999)) == 100
        assert session.rows(999)[99]["path"].endswith("099999.jpg")
        assert session.rows(1000) == []
        session.decide({"ids": list(range(50_000)), "state": "approved"})
        assert session.plan()["photos"] == 50_000
        found = session.index.search("/0123")
        assert [i for i, hit in enumerate(found) if hit] == list(range(12_300, 12_400))
        session.close()


def test_a_rehearsal_says_what_would_happen_and_changes_nothing(client, session, tmp_path):
    photos = {path: path.read_bytes() for path in (tmp_path / "photos").rglob("*.jpg")}
    decide(client, ids=[TOWER, GATE], state="approved")
    options = RunOptions(paths=(), write_exif=True, dry_run=True, overwrite=Overwrite.PREDICTED)
    session.write(options, 2)
    session.job.join()
    job = client.get("/api/write").json()
    verdicts = {item["row"]: item["verdict"] for item in job["verdicts"]}
    assert verdicts == {TOWER: "would be written", GATE: "not written"}  # it has measured GPS
    assert job["by_verdict"] == {"would be written": 1, "not written": 1}
    why = {item["row"]: item["why"] for item in job["verdicts"]}
    assert why[TOWER] == "GPS, region and keywords tags"
    assert why[GATE] == "it has a GPS position of its own, which is kept"
    assert (job["kind"], job["done"], job["error"]) == ("dry-run", 2, "")
    assert {path: path.read_bytes() for path in photos} == photos
    assert session.plan()["photos"] == 2


def test_jobs_differ_and_none_is_seen_before_it_runs(session, monkeypatch):
    session.decide({"ids": [TOWER], "state": "approved"})
    seen = []
    start = WriteJob.start

    def started(job, work):
        seen.append(session.job)
        start(job, work)

    monkeypatch.setattr(WriteJob, "start", started)
    ended = []
    for _ in range(2):
        session.write(RunOptions(paths=(), write_exif=True, dry_run=True), 1)
        session.job.join()
        ended.append(session.job.to_json())
    assert [job and job.to_json() for job in seen] == [None, ended[0]]
    assert ended[0].pop("number") != ended[1].pop("number")
    assert ended[0] == ended[1]


def test_what_was_written_is_restored_and_can_be_written_again(client, session, tmp_path):
    tower = tmp_path / "photos" / "a" / "tower.jpg"
    before = tower.read_bytes()
    decide(client, ids=[TOWER], state="approved")
    for _ in range(2):
        client.post("/api/write", json={"mode": "exif", "photos": 1})
        session.job.join()
        assert tower.read_bytes() != before
        assert session.plan() == {"photos": 0, "approved": 0, "corrected": 0, "written": 1}
        session.untag(1)
        session.job.join()
        done = client.get("/api/write").json()
        assert (done["counts"], done["kind"]) == ({"restored": 1}, "untag")
        assert tower.read_bytes() == before
        assert session.plan() == {"photos": 1, "approved": 1, "corrected": 0, "written": 0}


def test_a_photo_whose_decision_has_changed_since_is_restored_too(client, session, tmp_path):
    tower = tmp_path / "photos" / "a" / "tower.jpg"
    before = tower.read_bytes()
    decide(client, ids=[TOWER], state="approved")
    client.post("/api/write", json={"mode": "exif", "photos": 1})
    session.job.join()
    decide(client, ids=[TOWER], state="rejected")
    session.untag(1)
    session.job.join()
    assert tower.read_bytes() == before


def test_a_job_that_is_stopped_ends_with_the_photo_in_hand(client, session, tmp_path, monkeypatch):
    photos = {path: path.read_bytes() for path in (tmp_path / "photos").rglob("*.jpg")}
    decide(client, ids=[TOWER, TOWER_2], state="approved")
    add = WriteJob.add

    def add_and_stop(job, *arguments, **named):
        add(job, *arguments, **named)
        job.stop()

    monkeypatch.setattr(WriteJob, "add", add_and_stop)

    def changed():
        return [path.name for path in photos if path.read_bytes() != photos[path]]

    session.write(RunOptions(paths=(), write_exif=True), 2)
    session.job.join()
    assert len(changed()) == 1
    session.write(RunOptions(paths=(), write_exif=True), 1)  # the same goes on from there
    session.job.join()
    assert len(changed()) == 2
    session.untag(2)
    session.job.join()
    assert len(changed()) == 1


def test_columns_come_in_parts(session):
    whole, part = session.columns(), session.columns(1, 2)
    for name, kind in COLUMNS.items():
        size = array(kind).itemsize
        assert (
            b64decode(part["columns"][name]) == b64decode(whole["columns"][name])[size : 3 * size]
        )
    assert part["rows"] == 5
    assert session.columns(9)["columns"]["lat"] == ""


def test_rows_that_failed_have_a_remedy(client, report):
    remedies = [row["remedy"] for row in client.get("/api/rows/0").json()]
    assert remedies[:BROKEN] == [""] * BROKEN
    if report.suffix == ".jsonl":  # a CSV holds no codes of reasons
        assert remedies[BROKEN].startswith("It holds no picture")
