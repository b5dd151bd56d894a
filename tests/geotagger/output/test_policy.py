"""What a prediction deserves: no more than the belief supports."""

from dataclasses import replace

import pytest

from geotagger.metadata.xmp.prediction import prediction_in, with_prediction
from geotagger.output.policy import file_tags, tag_names
from geotagger.types import Candidate, Level, Prediction
from tests.fixtures.samples import LYON

ALL = ("gps", "region", "keywords")


def tags(level=Level.CITY, radius_km=20.0, groups=ALL, place=LYON, **more):
    candidates = (Candidate(place, place.point, 0.8),)
    prediction = Prediction(place.point, place, level, 0.8, radius_km, candidates)
    return file_tags(prediction, "m", groups=groups, max_radius_km=50, **more)


@pytest.mark.parametrize(
    ("level", "radius_km", "point", "area"),
    [
        (Level.CITY, 20, LYON.point, "Lyon, Auvergne-Rhône-Alpes, France"),
        (Level.CITY, 50, LYON.point, "Lyon, Auvergne-Rhône-Alpes, France"),
        (Level.CITY, 51, None, "Lyon, Auvergne-Rhône-Alpes, France"),
        (Level.REGION, 20, LYON.point, "Auvergne-Rhône-Alpes, France"),
        (Level.REGION, 51, None, "Auvergne-Rhône-Alpes, France"),
        (Level.COUNTRY, 20, None, "France"),
        (Level.CONTINENT, 20, None, "Europe"),
    ],
)
def test_the_position_only_where_it_is_trusted_and_names_down_to_the_level(
    level, radius_km, point, area
):
    found = tags(level, radius_km)
    assert (found.gps.point, found.gps.area) == (point, area)
    assert (found.xmp.point, found.gps.radius_km) == (point, radius_km if point else None)
    told = (found.xmp.city, found.xmp.region, found.xmp.country, found.xmp.continent)
    assert ", ".join(name for name in told[:3] if name) == area.replace("Europe", "")
    assert told[3] == "Europe"
    assert found.gps.note.startswith("PREDICTED by geotagger")


def test_nothing_where_nothing_may_be_named():
    assert tags(Level.NONE) is None


@pytest.mark.parametrize(
    ("groups", "radius_km", "said"),
    [
        (ALL, 20, "GPS, region and keywords tags"),
        (ALL, 51, "region and keywords tags"),
        (("gps",), 20, "GPS tags"),
        (("gps",), 51, None),
        (("region",), 51, "region tags"),
        (("keywords",), 20, "keywords tags"),
    ],
)
def test_groups(groups, radius_km, said):
    found = tags(radius_km=radius_km, groups=groups)
    assert (tag_names(found) if found else None) == said
    if said:
        assert (found.gps is None) == (groups == ("keywords",))
        assert found.gps is None or bool(found.gps.area) == ("region" in groups)


def test_alternatives_have_no_position_if_the_prediction_has_none():
    assert tags().xmp.alternatives[0].lat == 45.76
    assert tags(Level.COUNTRY).xmp.alternatives[0].lat is None
    assert tags(Level.COUNTRY).xmp.alternatives[0].name.endswith("France")


def test_xmp_reads_back():
    found = prediction_in(with_prediction(None, tags(compat=True).xmp))
    assert (found.level, found.city, found.radius_km, found.coverage) == ("city", "Lyon", 20, 0.9)


def test_unchanged_tags_keep_their_time():
    first, later = tags(), tags()
    older = first.for_original("a" * 64, None).xmp
    older = type(older)(
        **{f: getattr(older, f) for f in older.__slots__} | {"created": "2020-01-01"}
    )
    assert later.for_original("a" * 64, older).xmp == older
    assert later.for_original("b" * 64, older).xmp.created == later.xmp.created
    assert tags(radius_km=21).for_original("a" * 64, older).xmp.created != "2020-01-01"


def test_a_town_with_the_name_of_its_region_is_named_once():
    lisbon = replace(LYON, city="Lisbon", region="Lisbon", country="Portugal")
    found = tags(place=lisbon)
    assert found.gps.area == "Lisbon, Portugal"
    assert (found.xmp.city, found.xmp.region) == ("Lisbon", "Lisbon")
    assert found.xmp.alternatives[0].name == "Lisbon, Portugal"
