"""The gazetteer: normalised names, and the places that have them."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.gazetteer import (
    KINDS,
    LOG_LEAST,
    LOG_STEP,
    PEOPLE_STEP,
    Gazetteer,
    load_gazetteer,
    name_hash,
    normalise,
)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("L’Haÿ-les-Roses", "lhay les roses"),
        ("VULKAN.KOLN", "vulkan koln"),
        ("ß Straße", "ss strasse"),
        ("København", "kobenhavn"),
        ("İstanbul", "istanbul"),
        ("Łódź", "lodz"),
        ("Αθήνα", "αθηνα"),
        ("Йошкар-Ола", "иошкар ола"),
        ("東京ガス", "東京ガス"),
        ("서울역", "서울역"),
        ("दिल्ली", "दिल्ली"),
        ("กรุงเทพ", "กรุงเทพ"),
        ("１２３", "123"),
        ("  (…) ", ""),
    ],
)
def test_normalise(text: str, normal: str) -> None:
    assert normalise(text) == normal


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert once == once.strip()


def tiny(names: dict[str, list[int]]) -> Gazetteer:
    """Two places, Aä in DE (row 0) and Bb in CH (row 1), and the rows that each name belongs to."""
    hashes = {name_hash(name): rows for name, rows in names.items()}
    keys = sorted(hashes)
    flat = [row for key in keys for row in hashes[key]]
    array = np.array(keys, dtype=np.uint64)
    buckets = (array >> np.uint64(32)).astype(np.int64)
    one = round(-LOG_LEAST / LOG_STEP)
    return Gazetteer(
        {
            "bucket_sizes": np.bincount(buckets, minlength=1 << 16).astype(np.uint16),
            "hashes": (array & np.uint64(0xFFFFFFFF)).astype(np.uint32),
            "bearer_counts": np.array([len(hashes[key]) for key in keys], dtype=np.uint8),
            "bearers": np.array(flat, dtype=np.uint32),
            "strengths": np.full(len(flat), one + 10, dtype=np.uint8),
            "abroad": np.full(len(flat), one, dtype=np.uint8),
            "lat": np.array([0, 65535], dtype=np.uint16),
            "lon": np.array([0, 32768], dtype=np.uint16),
            "radius_km": np.array([3, 7], dtype=np.float16),
            "country": np.array([1, 0], dtype=np.uint8),
            "kind": np.array([0, 2], dtype=np.uint8),
            "people": np.array([100, 0], dtype=np.uint8),
            "codes": np.frombuffer(b"CH\nDE", dtype=np.uint8),
            "names": np.frombuffer("Aä\nBb\n".encode(), dtype=np.uint8),
            "big_names": np.frombuffer(b"stockholm\nbarcelona", dtype=np.uint8),
        }
    )


def test_entries_are_in_the_order_of_the_data() -> None:
    gazetteer = tiny({"aa": [0], "beide": [1, 0], "bb": [1]})
    assert len(gazetteer) == 3
    both = gazetteer.lookup("beide")
    assert [(b.name, b.country, b.kind) for b in both] == [
        ("Bb", "CH", "region"),
        ("Aä", "DE", "town"),
    ]
    assert both[0].lat == pytest.approx(90)
    assert both[1].lon == pytest.approx(-180)
    assert both[0].strength == pytest.approx(np.e)
    assert both[0].abroad == pytest.approx(1)
    assert [b.people for b in both] == pytest.approx([1, np.exp(100 * PEOPLE_STEP)])
    assert [b.name for b in gazetteer.lookup("aa")] == ["Aä"]


def test_unknown_names_have_no_entries() -> None:
    gazetteer = tiny({"aa": [0]})
    assert "aa" in gazetteer
    for name in ("", "ab", "a", "zzzz"):
        assert name not in gazetteer
        assert gazetteer.lookup(name) == []


@pytest.mark.parametrize(
    ("name", "lat", "lon", "country"),
    [
        ("Bielefeld", 52.02, 8.53, "DE"),
        ("Koeln", 50.94, 6.96, "DE"),
        ("København", 55.68, 12.57, "DK"),
        ("東京", 35.69, 139.69, "JP"),
        ("서울", 37.57, 126.98, "KR"),
        ("Москва", 55.75, 37.62, "RU"),
        ("Αθήνα", 37.98, 23.73, "GR"),
        ("Bad Homburg", 50.23, 8.62, "DE"),
        ("القاهرة", 30.05, 31.24, "EG"),
        ("Toscana", 43.5, 11.0, "IT"),
        ("Ushuaia", -54.80, -68.30, "AR"),
        ("Suva", -18.14, 178.44, "FJ"),
    ],
)
def test_towns_and_regions_are_at_their_place(
    name: str, lat: float, lon: float, country: str
) -> None:
    first = load_gazetteer().lookup(normalise(name))[0]
    assert first.country == country
    assert haversine_km(lat, lon, first.lat, first.lon) < first.radius_km + 20


@pytest.mark.parametrize("word", ["hotel", "kein", "und", "the", "exit", "vous", "città", "la"])
def test_ordinary_words_are_weak(word: str) -> None:
    assert max((b.strength for b in load_gazetteer().lookup(normalise(word))), default=0) < 10


@pytest.mark.parametrize(
    ("word", "name"),
    [("Nice", "Neuss"), ("Mobile", "Tallahassee"), ("Essen", "Bielefeld"), ("Best", "Eindhoven")],
)
def test_names_that_are_also_words_are_weaker(word: str, name: str) -> None:
    gazetteer = load_gazetteer()
    of_word = max(entry.strength for entry in gazetteer.lookup(normalise(word)))
    of_name = max(entry.strength for entry in gazetteer.lookup(normalise(name)))
    assert of_word * 3 < of_name


def test_names_of_countries_are_weak() -> None:
    (poland,) = load_gazetteer().lookup("polska")
    assert (poland.kind, poland.country) == ("country", "PL")
    assert 2 < poland.strength < 50


def test_the_arrays_fit_each_other() -> None:
    path = resources.files("geotagger.data").joinpath("names.npz")
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        places = len(arrays["lat"])
        assert arrays["bucket_sizes"].sum() == len(arrays["hashes"]) == len(arrays["bearer_counts"])
        assert arrays["bearer_counts"].sum() == len(arrays["bearers"])
        assert arrays["bearer_counts"].min() >= 1
        assert arrays["bearers"].max() == places - 1
        assert arrays["kind"].max() < len(KINDS)
        assert np.count_nonzero(arrays["names"] == ord("\n")) == places
        assert np.isfinite(arrays["radius_km"]).all()
        assert len(path.read_bytes()) < 8e6
