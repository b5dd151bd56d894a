"""Photos, and a report on them, for the tests of the map and the review."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import piexif
import pytest
from drawer import encode, texture

from geotagger.records import (
    Candidate,
    Existing,
    Level,
    Outcome,
    Photo,
    Place,
    Point,
    Prediction,
    Status,
)
from geotagger.reports.formats import open_report
from geotagger.reports.rowfile import STANDARD

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PISA = Place(Point(43.7085, 10.4036), "IT", "Italy", "Tuscany", "Pisa", "Europe")
BERLIN = Place(Point(52.5244, 13.4105), "DE", "Germany", "Land Berlin", "Berlin", "Europe")
NAIROBI = Place(Point(-1.2833, 36.8167), "KE", "Kenya", "Nairobi County", "Nairobi", "Africa")
TAVEUNI = Place(Point(-16.8, -179.99), "FJ", "Fiji", "Northern", "", "Oceania")
HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="hacked=1">"\'&amp;'


def make_photo(path: Path, number: int, gps: Point | None = None) -> str:
    """Draws a photo, with what a receiver measured; its SHA-256."""
    image = texture().rotate(17 * number).crop((20, 20, 300, 220))
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"exif": measured_exif(gps)} if gps else {}
    path.write_bytes(encode(image, "JPEG", quality=80, **options))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def measured_exif(gps: Point) -> bytes:
    def parts(degrees: float) -> tuple[tuple[int, int], ...]:
        return (round(abs(degrees) * 10**6), 10**6), (0, 1), (0, 1)

    south, west = gps.lat < 0, gps.lon < 0
    tags = {1: "S" if south else "N", 2: parts(gps.lat), 3: "W" if west else "E", 4: parts(gps.lon)}
    return piexif.dump({"GPS": tags})


def guess(place: Place, level: Level, confidence: float, radius_km: float) -> Prediction:
    others = [p for p in (PISA, BERLIN, NAIROBI) if p is not place]
    places = [place, *others]
    shares = [confidence, *((1 - confidence) / 3 for _ in others)]
    candidates = tuple(Candidate(p, p.point, s) for p, s in zip(places, shares, strict=True))
    reasons = (f"picture looks like {place.country} 61 %", "clock +02:00")
    return Prediction(place.point, place, level, confidence, radius_km, candidates, (), reasons)


def outcomes(folder: Path) -> list[Outcome]:
    """Five photos: a city, the same one again, a region with GPS of its own, unsure, failed."""

    def outcome(name: str, number: int, **more: object) -> Outcome:
        existing = more.get("existing")
        gps = existing.gps if isinstance(existing, Existing) else None
        sha256 = make_photo(folder / name, number, gps)
        photo = Photo(folder / name, folder)
        return Outcome(photo, sha256=sha256, model="test-1@0", **more)  # type: ignore[arg-type]

    summer = Existing(taken_at="2019-07-14T18:03:22+02:00")
    measured = Existing(Point(-1.3, 36.9), taken_at="2021-01-02T03:04:05")
    return [
        outcome("a/tower.jpg", 1, status=Status.PREDICTED, existing=summer,
                prediction=guess(PISA, Level.CITY, 0.91, 12.0)),
        outcome("a/tower2.jpg", 2, status=Status.PREDICTED, existing=summer,
                prediction=guess(PISA, Level.CITY, 0.72, 21.0)),
        outcome("b/gate.jpg", 3, status=Status.PREDICTED, existing=measured,
                prediction=guess(NAIROBI, Level.REGION, 0.55, 45.0)),
        outcome("b/island.jpg", 4, prediction=guess(TAVEUNI, Level.NONE, 0.12, 9000.0)),
        Outcome(Photo(folder / "b/broken.jpg", folder), Status.FAILED, note="it is no picture"),
    ]  # fmt: skip


def write_report(path: Path, rows: list[Outcome], look: object = STANDARD) -> Path:
    report = open_report(path, look)  # type: ignore[arg-type]
    for row in rows:
        report.add(row)
    report.close()
    return path


def hostile_names() -> list[str]:
    names = [
        "<img src=x onerror=hacked=1>.jpg",
        "=cmd()'\".jpg",
        "safe\u202egpj.exe.jpg",
        "a&b <b>.jpg",
    ]
    return names if os.name != "nt" else names[1:2]


def sync_api():
    return pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; tests that need it are skipped where it is missing."""
    playwright = sync_api()
    if not CHROMIUM:
        pytest.skip("no chromium")
    with playwright.sync_playwright() as api:
        opened = api.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()
