"""What signs in one photo say of the photos that the same camera took around it."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geotagger.fusion.decide import Fusion
from geotagger.geography.sphere import haversine_km
from geotagger.pipeline.trips import (
    MAX_GAP_DAYS,
    PHOTOS_AHEAD,
    Anchor,
    NeighbourPropagation,
    nearest,
    same_country,
)
from geotagger.types import Evidence, Level, Outcome, Photo, PhotoEvidence, PhotoMetadata, Point

PHONE, OTHER_PHONE = "Apple iPhone 15", "Google Pixel 8"
PARIS = Point(48.857, 2.352)
NOON = datetime.fromisoformat("2024-05-01T12:00:00")


def row_of(places, city, country):
    found = np.flatnonzero(places.mask([country]))
    return next(row for row in found if places.place(int(row)).city == city)


def words(places, country, city="", strength=1e4):
    likelihood = np.ones(len(places), np.float32)
    if city:
        likelihood[row_of(places, city, country)] = strength**2
    else:
        likelihood[places.mask([country])] = strength
    return Evidence(
        "text", 1.0, f'sign: "{city or country}"', np.log(likelihood), outlier_probability=0.03
    )


def picture(places, country="", strength=1e4):
    likelihood = np.ones(len(places), np.float32)
    if country:
        likelihood[places.mask([country])] = strength
    return Evidence("vision", 1.0, "picture", np.log(likelihood))


def item(name, after, *evidence, camera=PHONE, serial=""):
    taken = (NOON + after).isoformat()
    metadata = PhotoMetadata(taken_at=taken, camera=camera, camera_serial=serial)
    outcome = Outcome(Photo(Path("roll") / name, Path("roll")), metadata=metadata)
    return PhotoEvidence(outcome, tuple(evidence))


def shared(belief, *items):
    return list(NeighbourPropagation(belief).share(items))


def album_of(weighed):
    return [evidence for evidence in weighed.evidence if evidence.source == "album"]


def minutes(count):
    return timedelta(minutes=count)


def test_a_town_read_a_minute_before_is_the_town(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "DK", "Århus"))
    mute = item("b.jpg", minutes(1), picture(places))
    _, after = shared(belief, sign, mute)
    prediction = belief.decide(after.evidence)
    assert prediction.level is Level.CITY
    assert haversine_km(prediction.point.lat, prediction.point.lon, 56.157, 10.211) < 10
    assert album_of(after)[0].reason == 'album: a.jpg, 60 s apart, sign: "Århus"'


def test_photos_before_the_sign_know_it_too(belief, places):
    mute = item("a.jpg", minutes(0), picture(places))
    sign = item("b.jpg", minutes(5), words(places, "SE"))
    before, _ = shared(belief, mute, sign)
    assert belief.decide(before.evidence).place.country_code == "SE"


def test_belief_falls_with_the_gap_and_ends_after_a_week(belief, places):
    gaps = [timedelta(hours=hours) for hours in (1, 24, 72, 160, 200)]
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    found = shared(belief, sign, *(item(f"{gap}.jpg", gap, picture(places)) for gap in gaps))[1:]
    shares = [belief.posterior(each.evidence)[places.mask(["SE"])].sum() for each in found]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.9
    assert album_of(found[-2])
    assert not album_of(found[-1])
    assert same_country(0) > same_country(24) > same_country(1000) > 0


@pytest.mark.parametrize(
    "neighbour",
    [
        {"camera": OTHER_PHONE},
        {"serial": "2"},
        {"camera": ""},
    ],
)
def test_another_camera_says_nothing(belief, places, neighbour):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    other = item("b.jpg", minutes(1), picture(places), **neighbour)
    assert not album_of(shared(belief, sign, other)[1])


def test_two_nameless_cameras_are_not_one(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"), camera="")
    other = item("b.jpg", minutes(1), picture(places), camera="")
    assert not album_of(shared(belief, sign, other)[1])


def test_what_a_picture_looks_like_is_no_anchor(belief, places):
    sure = item("a.jpg", minutes(0), picture(places, "SE"))
    mute = item("b.jpg", minutes(1), picture(places))
    assert not any(album_of(each) for each in shared(belief, sure, mute))


def test_words_that_name_no_country_are_no_anchor(belief, places):
    weak = item("a.jpg", minutes(0), words(places, "SE", strength=2))
    mute = item("b.jpg", minutes(1), picture(places))
    assert not any(album_of(each) for each in shared(belief, weak, mute))


def test_a_photo_is_not_its_own_neighbour(belief, places):
    (alone,) = shared(belief, item("a.jpg", minutes(0), words(places, "SE")))
    assert not album_of(alone)


def test_measured_positions_nearby_come_first(belief, places):
    gps = Evidence("album", 1.0, "album: c.jpg has GPS", np.zeros(len(places), np.float32))
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    fixed = item("b.jpg", minutes(1), picture(places), gps)
    assert album_of(shared(belief, sign, fixed)[1]) == [gps]


def test_a_photo_that_failed_stays_as_it_is(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    failed = item("b.jpg", minutes(1))
    assert shared(belief, sign, failed)[1] == failed


def test_its_own_words_outweigh_those_of_yesterday(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    border = item("b.jpg", timedelta(days=1), words(places, "DK"))
    found = shared(belief, sign, border)
    assert [belief.decide(each.evidence).place.country_code for each in found] == ["SE", "DK"]


def test_two_countries_before_and_after_leave_both_open(belief, places):
    found = shared(
        belief,
        item("a.jpg", minutes(0), words(places, "SE")),
        item("b.jpg", timedelta(hours=10), picture(places)),
        item("c.jpg", timedelta(hours=20), words(places, "DK")),
    )[1]
    mass = belief.posterior(found.evidence)
    assert mass[places.mask(["SE"])].sum() == pytest.approx(
        mass[places.mask(["DK"])].sum(), rel=0.5
    )


def test_all_come_out_in_order_and_only_so_many_wait(belief, places):
    taken = 0

    def photos():
        nonlocal taken
        for number in range(3 * PHOTOS_AHEAD):
            taken += 1
            yield item(f"{number}.jpg", minutes(number), picture(places))

    out = []
    for each in NeighbourPropagation(belief).share(photos()):
        assert taken - len(out) <= PHOTOS_AHEAD + 1
        out.append(each.outcome.photo.path.name)
    assert out == [f"{number}.jpg" for number in range(3 * PHOTOS_AHEAD)]


def anchor(places, name="a.jpg", at=0.0):
    countries = np.full(len(places.country_codes), 0.1 / len(places.country_codes), np.float32)
    countries[places.country_codes.index("FR")] = 0.9
    return Anchor(name, (PHONE, ""), at, countries, PARIS, 0.6, "sign: Paris")


def test_two_signs_that_agree_count_as_less_than_two(places):
    roll = NeighbourPropagation(Fusion(places))
    alone = roll.evidence([anchor(places)], 3600.0).log_likelihood
    both = roll.evidence([anchor(places), anchor(places, "b.jpg", 7200.0)], 3600.0).log_likelihood
    np.testing.assert_allclose(both, np.sqrt(2) * alone, rtol=1e-3, atol=1e-5)


def test_a_sign_of_the_same_second_counts_once(places):
    there = anchor(places, at=100.0)
    assert nearest([there], 100.0, "x.jpg") == [there]


def test_a_sign_of_just_the_largest_gap_counts(places):
    there, most = anchor(places), MAX_GAP_DAYS * 24 * 3600
    assert nearest([there], most, "x.jpg") == [there]
    assert nearest([there], most + 1, "x.jpg") == []


def test_neighbours_count_with_their_full_weight(places):
    evidence = NeighbourPropagation(Fusion(places)).evidence([anchor(places)], 3600.0)
    assert evidence.weight == 1.0
