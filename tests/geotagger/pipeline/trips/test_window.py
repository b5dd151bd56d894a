"""What the photos of a trip say about each other: signs, pictures and positions, in a window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from geotagger.cache.codec import FinishedRow
from geotagger.evidence.album_tree import moment_by_clock
from geotagger.evidence.camera_gps import AlbumSource, Neighbour
from geotagger.geography.sphere import haversine_km
from geotagger.pipeline.trips.damping import TripConstants
from geotagger.pipeline.trips.window import (
    BLOCK,
    MAX_KEPT,
    MAX_KEPT_IN_ALL,
    PHOTOS_AHEAD,
    TripEvidence,
)
from geotagger.types import (
    Evidence,
    Level,
    MeasuredPosition,
    Outcome,
    Photo,
    PhotoEvidence,
    PhotoMetadata,
    Point,
)

PHONE, OTHER_PHONE = "Apple iPhone 15", "Google Pixel 8"
PARIS, BASEL = Point(48.857, 2.352), Point(47.558, 7.588)
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


def picture(places, country="", strength=1e4, also=()):
    """A picture that looks like a country, and half as much like others."""
    likelihood = np.ones(len(places), np.float32)
    for other in also:
        likelihood[places.mask([other])] = strength / 2
    if country:
        likelihood[places.mask([country])] = strength
    return Evidence("vision", 1.0, "picture", np.log(likelihood), outlier_probability=0.2)


def item(name, after, *evidence, camera=PHONE, serial="", gps=None, folder="roll"):
    """A photo taken `after` noon; None for one without a time."""
    taken = "" if after is None else (NOON + after).isoformat()
    metadata = PhotoMetadata(gps=gps, taken_at=taken, camera=camera, camera_serial=serial)
    outcome = Outcome(Photo(Path(folder) / name, Path(folder)), metadata=metadata)
    return PhotoEvidence(outcome, tuple(evidence))


def shared(belief, *items, **options):
    return list(TripEvidence(belief, **options).share(items))


def album_of(weighed):
    return [evidence for evidence in weighed.evidence if evidence.source == "album"]


def minutes(count):
    return timedelta(minutes=count)


def share_of(belief, weighed, country):
    return float(belief.posterior(weighed.evidence)[belief.places.mask([country])].sum())


def test_a_town_read_a_minute_before_is_the_town(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "DK", "Århus"))
    mute = item("b.jpg", minutes(1), picture(places))
    _, after = shared(belief, sign, mute)
    prediction = belief.decide(after.evidence)
    assert prediction.level is Level.REGION  # one sign may be wrong
    assert haversine_km(prediction.point.lat, prediction.point.lon, 56.157, 10.211) < 10
    assert album_of(after)[0].reason == (
        'trip: 2 photos of 1 day, mostly Denmark; a.jpg, 60 s apart, sign: "Århus"'
    )


def test_a_town_that_other_signs_of_the_trip_agree_with_is_sure(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "DK", "Århus"))
    mute = item("b.jpg", minutes(1), picture(places))
    other = item("c.jpg", minutes(90), words(places, "DK"))
    after = shared(belief, sign, mute, other)[1]
    assert belief.decide(after.evidence).level is Level.CITY


def test_signs_of_a_camera_that_was_with_this_one_count(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    mute = item("b.jpg", minutes(60 * 24 * 365), picture(places), camera=OTHER_PHONE)
    together = moment_by_clock((PHONE, ""), NOON.replace(tzinfo=UTC).timestamp() + 60)
    joined = replace(mute, outcome=replace(mute.outcome, moment=together))
    assert not album_of(shared(belief, sign, mute)[1])
    found = shared(belief, sign, joined)[1]
    assert share_of(belief, found, "SE") > 0.6
    assert "a.jpg, 60 s apart" in album_of(found)[0].reason


def test_photos_before_the_sign_know_it_too(belief, places):
    mute = item("a.jpg", minutes(0), picture(places))
    sign = item("b.jpg", minutes(5), words(places, "SE"))
    before, _ = shared(belief, mute, sign)
    assert belief.decide(before.evidence).place.country_code == "SE"


def test_belief_falls_with_the_gap_and_ends_after_months(belief, places):
    gaps = [timedelta(hours=hours) for hours in (1, 24, 72, 160, 24 * 200)]
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    found = shared(belief, sign, *(item(f"{gap}.jpg", gap, picture(places)) for gap in gaps))[1:]
    shares = [share_of(belief, each, "SE") for each in found]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.6
    assert album_of(found[-2])
    assert not album_of(found[-1])


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


def test_words_that_name_no_country_are_no_evidence_for_others(belief, places):
    weak = item("a.jpg", minutes(0), words(places, "SE", strength=2))
    mute = item("b.jpg", minutes(1), picture(places))
    assert not any(album_of(each) for each in shared(belief, weak, mute))


def test_a_photo_is_not_its_own_neighbour(belief, places):
    (alone,) = shared(belief, item("a.jpg", minutes(0), words(places, "SE")))
    assert not album_of(alone)


def test_a_photo_that_failed_stays_as_it_is(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    failed = item("b.jpg", minutes(1))
    assert shared(belief, sign, failed)[1].evidence == ()


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
    assert share_of(belief, found, "SE") == pytest.approx(share_of(belief, found, "DK"), rel=0.5)


def test_different_pictures_add_up(belief, places):
    """Each looks like Georgia, and as much like another country; together they mean Georgia."""
    also = ["CL", "NO", "NZ", "KE", "JP", "CA", "IR", "PE"]
    photos = [
        item(f"{i}.jpg", minutes(60 * i), picture(places, "GE", 8, also=[other]))
        for i, other in enumerate(also)
    ]
    alone = share_of(belief, photos[0], "GE")
    together = share_of(belief, shared(belief, *photos)[0], "GE")
    assert together > 2 * alone


def test_near_duplicates_add_nothing(belief, places):
    one = picture(places, "GE", 8, also=["CL"])
    alone = item("a.jpg", minutes(0), one)
    burst = [item(f"{i}.jpg", timedelta(seconds=i), one) for i in range(40)]
    found = shared(belief, *burst)
    assert share_of(belief, found[20], "GE") == pytest.approx(
        share_of(belief, alone, "GE"), abs=0.02
    )


def test_a_picture_does_not_count_again_because_another_looks_the_same(belief, places):
    constants = TripConstants(0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.2, 0.05)
    in_country = places.mask(["GE"])
    in_region = in_country & (places.region == places.region[row_of(places, "Batumi", "GE")])
    likelihood = picture(places, "GE", 500, also=["CL"]).log_likelihood
    one = Evidence("vision", 1.0, "picture", likelihood + np.float32(1.5) * in_region)
    photos = [item(f"{i}.jpg", timedelta(seconds=i), one) for i in range(2)]
    alone = belief.posterior(photos[0].evidence)
    together = belief.posterior(shared(belief, *photos, constants=constants)[0].evidence)
    for rows in (in_country, in_region):
        assert together[rows].sum() == pytest.approx(alone[rows].sum(), abs=0.02)


def test_a_copy_in_another_folder_is_the_same_photo(belief, places):
    trip = [
        item(f"{i}.jpg", minutes(60 * i), picture(places, c, 8)) for i, c in enumerate(("GE", "CL"))
    ]
    copies = [
        item(f"{i}.jpg", minutes(60 * i), picture(places, c, 8), folder="copy")
        for i, c in enumerate(("GE", "CL"))
    ]
    once, twice = shared(belief, *trip), shared(belief, *trip, *copies)
    for i, each in enumerate(twice):
        assert album_of(each)[0].reason == album_of(once[i % 2])[0].reason
        assert share_of(belief, each, "GE") == share_of(belief, once[i % 2], "GE")


def test_what_a_model_says_of_every_photo_counts_once(belief, places):
    """A model that prefers a country whatever it sees does not turn a trip into proof of it."""
    baseline = np.where(places.mask(["VA"]), 3, 0).astype(np.float32)
    empty = Evidence("vision", 1.0, "picture", baseline, baseline=baseline)
    photos = [item(f"{i}.jpg", minutes(60 * i), empty) for i in range(30)]
    alone = share_of(belief, photos[0], "VA")
    assert share_of(belief, shared(belief, *photos)[0], "VA") == pytest.approx(alone, rel=0.05)


def test_a_camera_whose_pictures_all_look_like_one_country_is_not_taken_there(belief, places):
    """They look most like New Zealand everywhere, and on each trip a little like another one."""
    journeys = ["GE", "CL", "NO", "KE", "JP", "PE"]
    fillers = ["IS", "MA", "VN", "FI", "EC", "PT", "NA", "LK"]
    photos = [
        item(
            f"{n}{i}.jpg",
            timedelta(days=20 * n, hours=i),
            picture(places, "NZ", 40, also=[code, filler]),
        )
        for n, code in enumerate(journeys)
        for i, filler in enumerate(fillers)
    ]

    def named(share):
        constants = replace(TripConstants.load(), camera_bias_share=share)
        found = shared(belief, *photos, constants=constants)
        trips = [replace(each, evidence=tuple(album_of(each))) for each in found[4::8]]
        return [
            code if share_of(belief, trip, code) > share_of(belief, trip, "NZ") else "NZ"
            for trip, code in zip(trips, journeys, strict=True)
        ]

    assert named(0.0) == ["NZ"] * len(journeys)
    assert named(TripConstants.load().camera_bias_share) == journeys


def test_one_wrong_sign_pulls_no_trip_across_a_border(belief, places):
    photos = [item(f"{i:02}.jpg", minutes(30 * i), picture(places)) for i in range(40)]
    for place, country in ((4, "GE"), (20, "AM"), (35, "GE")):
        photos[place] = item(f"{place:02}.jpg", minutes(30 * place), words(places, country))
    found = shared(belief, *photos)
    named = [belief.decide(each.evidence).place.country_code for each in found]
    assert [code for i, code in enumerate(named) if i != 20] == ["GE"] * 39


def test_one_wrong_sign_against_a_measured_position(belief, places):
    photos = [item(f"{i:02}.jpg", minutes(30 * i), picture(places)) for i in range(20)]
    photos[0] = item("00.jpg", minutes(0), picture(places), gps=PARIS)
    photos[10] = item("10.jpg", minutes(300), words(places, "GB"))
    photos[19] = item("19.jpg", minutes(570), picture(places), gps=PARIS)
    found = shared(belief, *photos)
    named = [belief.decide(each.evidence).place.country_code for each in found]
    assert [code for i, code in enumerate(named) if i != 10] == ["FR"] * 19


def test_a_sign_that_was_photographed_five_times_is_one_sign(belief, places):
    def trip(frames):
        signs = [
            item(f"s{i}.jpg", timedelta(seconds=i), words(places, "AM")) for i in range(frames)
        ]
        later = [
            item(f"t{i}.jpg", minutes(60 + i), picture(places, "GE", 30, also=[other]))
            for i, other in enumerate(("CL", "NO", "NZ", "KE", "JP", "CA"))
        ]
        return share_of(belief, shared(belief, *signs, *later)[-1], "AM")

    assert trip(5) == pytest.approx(trip(1), abs=0.02)


def test_the_words_of_a_brand_count_once_however_often_they_are_photographed(belief, places):
    def trip(hours):
        brand = [item(f"s{h}.jpg", timedelta(hours=h), words(places, "AM")) for h in hours]
        right = item("r.jpg", timedelta(hours=3.5), words(places, "GE"))
        seen = [
            item(f"t{i}.jpg", timedelta(hours=4 + i), picture(places, "GE", 30, also=[other]))
            for i, other in enumerate(("CL", "NO", "NZ"))
        ]
        return share_of(belief, shared(belief, *brand, right, *seen)[-1], "GE")

    assert trip(range(8)) == pytest.approx(trip([3]), abs=0.05)


def test_pictures_of_many_scenes_leave_room_for_all_of_them_to_mislead(belief, places):
    also = ["CL", "NO", "NZ", "KE", "JP", "CA", "IR", "PE"]
    photos = [
        item(f"{i}.jpg", minutes(30 * i), picture(places, "GE", 50, also=[also[i % 8]]))
        for i in range(40)
    ]
    constants = TripConstants(0.5, 0.01, 4.0, 0.0, 1.0, 0.3, 0.2, 0.05)
    found = shared(belief, *photos, constants=constants)
    evidence = album_of(found[20])
    assert 0.6 < share_of(belief, replace(found[20], evidence=tuple(evidence)), "GE") <= 0.71


def test_a_town_on_a_sign_that_the_rest_of_the_trip_contradicts_is_nobodys_town(belief, places):
    photos = [item(f"{i:02}.jpg", minutes(30 * i), picture(places)) for i in range(20)]
    photos[0] = item("00.jpg", minutes(0), words(places, "GE"))
    photos[19] = item("19.jpg", minutes(570), words(places, "GE", "Batumi"))
    photos[10] = item("10.jpg", minutes(300), words(places, "DK", "Århus"))
    found = shared(belief, *photos)
    assert {share_of(belief, each, "DK") < 0.2 for i, each in enumerate(found) if i != 10} == {True}
    assert belief.decide(found[11].evidence).place.country_code == "GE"


def test_a_position_places_the_photos_around_it_across_folders(belief, places):
    fix = item("a.jpg", minutes(0), gps=PARIS, folder="monday")
    mute = item("b.jpg", minutes(10), picture(places), folder="tuesday")
    found = shared(belief, fix, mute)[1]
    prediction = belief.decide(found.evidence)
    assert (prediction.place.city, prediction.level) == ("Paris", Level.CITY)
    assert album_of(found)[0].reason.endswith("a.jpg, 10 min apart, has GPS")


def test_where_photos_are_scored_by_their_gps_it_is_no_evidence(belief, places):
    fix = item("a.jpg", minutes(0), gps=PARIS)
    mute = item("b.jpg", minutes(10), picture(places))
    assert not album_of(shared(belief, fix, mute, use_gps=False)[1])


def test_a_position_that_was_predicted_is_no_evidence(belief, places):
    fix = item("a.jpg", minutes(0), gps=PARIS)
    metadata = replace(fix.outcome.metadata, gps_is_prediction=True)
    predicted = replace(fix, outcome=replace(fix.outcome, metadata=metadata))
    mute = item("b.jpg", minutes(10), picture(places))
    assert not album_of(shared(belief, predicted, mute)[1])


def test_a_position_of_a_track_places_the_photos_around_it(belief, places):
    flat = np.zeros(len(places), np.float32)
    track = Evidence("track", 1.0, "track", flat, measured=MeasuredPosition(PARIS, 0.03))
    found = shared(
        belief, item("a.jpg", minutes(0), track), item("b.jpg", minutes(10), picture(places))
    )[1]
    assert belief.decide(found.evidence).place.city == "Paris"
    assert album_of(found)[0].reason.endswith("a.jpg, 10 min apart, is on a track")


def test_what_an_earlier_run_finished_is_evidence_as_before(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "DK", "Århus"))
    mute = item("b.jpg", minutes(1), picture(places))
    first, fresh = shared(belief, sign, mute)
    finished = FinishedRow({"path": "a.jpg"}, first.observation)
    of_no_trip = FinishedRow({"path": "z.png"})
    again, other, resumed = shared(belief, finished, of_no_trip, mute)
    assert (again, other) == (finished, of_no_trip)
    assert album_of(resumed)[0].reason == album_of(fresh)[0].reason
    np.testing.assert_array_equal(
        album_of(resumed)[0].log_likelihood, album_of(fresh)[0].log_likelihood
    )


def test_a_position_of_days_before_is_named_if_the_trip_itself_has_none(belief, places):
    fix = item("a.jpg", minutes(0), gps=PARIS)
    photos = [item(f"{i}.jpg", timedelta(days=6, hours=i), picture(places)) for i in range(3)]
    month = item("z.jpg", timedelta(days=90), picture(places))
    found = shared(belief, fix, *photos, month)
    assert album_of(found[1])[0].reason.endswith("; a.jpg, 6 days apart, has GPS")
    assert not any("a.jpg" in evidence.reason for evidence in album_of(found[-1]))


def test_its_own_gps_is_no_evidence(belief, places):
    (alone,) = shared(belief, item("a.jpg", minutes(0), picture(places), gps=PARIS))
    assert not album_of(alone)


def test_positions_beside_it_come_before_the_rest_of_the_trip(belief, places):
    gps = AlbumSource(places).evidence([Neighbour("c.jpg", 1 / 60, BASEL)])
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    fixed = item("b.jpg", minutes(1), picture(places), gps)
    (evidence,) = album_of(shared(belief, sign, fixed)[1])
    assert evidence.reason == gps.reason
    prediction = belief.decide([evidence])
    assert haversine_km(prediction.point.lat, prediction.point.lon, BASEL.lat, BASEL.lon) < 10


def test_file_names_in_order_are_a_weaker_sequence(belief, places):
    sign = item("IMG_0012.jpg", None, words(places, "SE"))
    mute = item("IMG_0013.jpg", None, picture(places))
    by_name = shared(belief, sign, mute)[1]
    assert album_of(by_name)[0].reason == (
        'trip: 2 photos in the order of their file names, mostly Sweden; IMG_0012.jpg, sign: "SE"'
    )
    timed = [
        item("a.jpg", minutes(0), words(places, "SE")),
        item("b.jpg", minutes(20), picture(places)),
    ]
    assert 0.4 < share_of(belief, by_name, "SE") < share_of(belief, shared(belief, *timed)[1], "SE")


@pytest.mark.parametrize(
    ("name", "folder"),
    [("IMG_0013.jpg", "other"), ("DSC_0013.jpg", "roll"), ("0013.jpg", "roll"), ("b.jpg", "roll")],
)
def test_no_sequence_across_folders_or_without_a_running_number(belief, places, name, folder):
    sign = item("IMG_0012.jpg", None, words(places, "SE"))
    mute = item(name, None, picture(places), folder=folder)
    assert not album_of(shared(belief, sign, mute)[1])


def test_all_come_out_in_order_and_only_so_many_are_held(belief, places):
    taken = 0
    window = TripEvidence(belief)

    def photos():
        nonlocal taken
        for number in range(3 * (PHOTOS_AHEAD + BLOCK)):
            taken += 1
            yield item(f"{number}.jpg", minutes(number), picture(places))

    out = []
    for each in window.share(photos()):
        assert taken - len(out) <= PHOTOS_AHEAD + BLOCK
        out.append(each.outcome.photo.path.name)
        assert len(out) > taken - PHOTOS_AHEAD - BLOCK  # each block comes out as soon as it is full
    assert out == [f"{number}.jpg" for number in range(3 * (PHOTOS_AHEAD + BLOCK))]
    assert window.kept == MAX_KEPT


def test_of_many_cameras_only_the_latest_are_kept(belief, places):
    window = TripEvidence(belief)
    photos = (
        item(f"{n}.jpg", minutes(n), picture(places), serial=str(n // 10))
        for n in range(2 * MAX_KEPT_IN_ALL)
    )
    for _ in window.share(photos):
        assert window.kept <= MAX_KEPT_IN_ALL
    assert window.kept > MAX_KEPT_IN_ALL - 20


def test_a_camera_that_goes_on_is_kept_and_one_that_stopped_goes(belief, places):
    window = TripEvidence(belief)
    photos = [
        item(f"{n}.jpg", minutes(n), picture(places), serial=str(n)) for n in range(MAX_KEPT_IN_ALL)
    ]
    photos[0] = item("sign.jpg", minutes(0), words(places, "SE"), serial="0")
    photos[500:500] = [item("later.jpg", minutes(500), picture(places), serial="0")]
    *_, last = window.share([*photos, item("last.jpg", minutes(700), picture(places), serial="0")])
    assert 'sign: "SE"' in album_of(last)[0].reason
    assert ("camera", PHONE, "0") in window._kept
    assert ("camera", PHONE, "1") not in window._kept


def test_photos_in_any_order_of_time(belief, places):
    """The scan sorts by name; the camera's counter may have started again on the way."""
    photos = [item(f"{i}.jpg", minutes(-10 * i), picture(places)) for i in range(20)]
    photos[19] = item("19.jpg", minutes(-190), words(places, "SE"))
    shares = [share_of(belief, each, "SE") for each in shared(belief, *photos)]
    assert shares == sorted(shares)
    assert shares[0] > 0.5


def test_a_trip_counts_with_its_full_weight(belief, places):
    sign = item("a.jpg", minutes(0), words(places, "SE"))
    (evidence,) = album_of(shared(belief, sign, item("b.jpg", minutes(5), picture(places)))[1])
    assert evidence.weight == 1.0
