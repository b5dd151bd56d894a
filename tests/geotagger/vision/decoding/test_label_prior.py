"""How likely a model's labels are beforehand."""

from dataclasses import replace

import numpy as np
import pytest

from geotagger.fusion.prior import Constants, log_prior
from geotagger.vision.bundle.label_tables import Label
from geotagger.vision.decoding.heads import ClassifyDecoder
from geotagger.vision.decoding.label_cover import label_of_place
from geotagger.vision.decoding.label_prior import is_borrowed, label_prior
from tests.fixtures.bundles import TOWNS, small_places

RIO, SAO_PAULO, AMAZON, BERLIN, MUNICH, TOKYO, OSAKA, NAIROBI = range(len(TOWNS))


def point(code, lat, lon):
    return Label(f"{code} {lat} {lon}", country_code=code, lat=lat, lon=lon, scope="point")


RIO_POINT = point("BR", -22.9, -43.2)
AMAZON_POINT = point("BR", -8.0, -55.0)
MUNICH_POINT = point("DE", 48.1, 11.6)
TOKYO_POINT = point("JP", 35.7, 139.7)
NAIROBI_POINT = point("KE", -1.3, 36.8)


@pytest.fixture(scope="module")
def places():
    return small_places()


def beforehand(labels, places, **changes):
    """The prior [N] of the places, with what `label_prior` adds, summing to 1."""
    constants = replace(Constants.load(), **changes)
    covering = label_of_place(labels, places, "labels.csv")
    raised, _ = label_prior(labels, covering, places, constants)
    mass = np.exp(log_prior(places, constants) + raised).astype(float)
    return mass / mass.sum()


WHOLE = [RIO_POINT, AMAZON_POINT, MUNICH_POINT, TOKYO_POINT, NAIROBI_POINT]


def test_wholly_alike_means_every_country_and_every_label_in_it(places):
    mass = beforehand(WHOLE, places, vision_countries_alike=1.0)
    assert mass[[RIO, SAO_PAULO]].sum() == pytest.approx(1 / 8, rel=1e-4)
    assert mass[AMAZON] == pytest.approx(1 / 8, rel=1e-4)
    assert mass[[BERLIN, MUNICH]].sum() == pytest.approx(1 / 4, rel=1e-4)
    assert mass[NAIROBI] == pytest.approx(1 / 4, rel=1e-4)


def test_not_at_all_alike_leaves_the_prior_as_it_is(places):
    mass = beforehand(WHOLE, places, vision_countries_alike=0.0)
    assert mass == pytest.approx(np.exp(log_prior(places, Constants.load())), rel=1e-4)


def test_half_alike_is_the_geometric_mean(places):
    none, half, whole = (
        beforehand(WHOLE, places, vision_countries_alike=share) for share in (0.0, 0.5, 1.0)
    )
    mean = np.sqrt(none * whole)
    assert half == pytest.approx(mean / mean.sum(), rel=1e-4)


def test_labels_do_not_change_what_lies_inside_them(places):
    none = beforehand(WHOLE, places, vision_countries_alike=0.0)
    whole = beforehand(WHOLE, places, vision_countries_alike=1.0)
    assert whole[RIO] / whole[SAO_PAULO] == pytest.approx(none[RIO] / none[SAO_PAULO], rel=1e-4)


def test_a_country_without_a_label_counts_a_part_of_its_neighbour(places):
    labels = [MUNICH_POINT, TOKYO_POINT, AMAZON_POINT]
    covering = label_of_place(labels, places, "labels.csv")
    assert is_borrowed(labels, covering, places).tolist() == [False] * 7 + [True]
    full = beforehand(labels, places, vision_unknown_country=1.0)
    part = beforehand(labels, places, vision_unknown_country=0.25)
    ratio = (part[NAIROBI] / part[MUNICH]) / (full[NAIROBI] / full[MUNICH])
    assert ratio == pytest.approx(0.25, rel=0.1)


def test_areas_and_points_without_a_country_lend_nothing(places):
    anywhere = Label("somewhere", lat=48.0, lon=11.0, scope="point")
    brazil = Label("b", country_code="BR", scope="country")
    labels = [anywhere, brazil]
    covering = label_of_place(labels, places, "labels.csv")
    assert not is_borrowed(labels, covering, places).any()


def test_what_no_label_covers_is_not_raised(places):
    labels = [Label(code, country_code=code, scope="country") for code in ("BR", "JP")]
    covering = label_of_place(labels, places, "labels.csv")
    raised, _ = label_prior(labels, covering, places, Constants.load())
    assert np.isfinite(raised).all()
    assert raised[[BERLIN, MUNICH, NAIROBI]].tolist() == [0, 0, 0]


def test_a_continent_counts_its_countries(places):
    names = ("South America", "Europe", "Asia", "Africa")
    labels = [Label(name, continent=name, scope="continent") for name in names]
    mass = beforehand(labels, places, vision_countries_alike=1.0)
    for rows in ([RIO, SAO_PAULO, AMAZON], [BERLIN, MUNICH], [TOKYO, OSAKA], [NAIROBI]):
        assert mass[rows].sum() == pytest.approx(1 / 4, rel=1e-4)


def test_the_prior_over_labels_is_what_their_places_come_to(places):
    labels = [MUNICH_POINT, TOKYO_POINT, AMAZON_POINT]
    covering = label_of_place(labels, places, "labels.csv")
    raised, comes = label_prior(labels, covering, places, Constants.load())
    mass = np.exp(log_prior(places, Constants.load()) + raised).astype(float)
    assert np.exp(comes) == pytest.approx(np.bincount(covering, mass), rel=1e-4)


def test_the_reason_weighs_labels_as_the_belief_does(places):
    """Three labels of one country and one of another, all as likely to the network."""
    labels = [point("BR", -23, -43), point("BR", -8, -55), point("BR", -24, -47), TOKYO_POINT]
    constants = replace(Constants.load(), vision_countries_alike=1.0)
    decoder = ClassifyDecoder(labels, 1.0, places, "labels.csv", constants)
    (reading,) = decoder.decode(np.zeros((1, 4), np.float32))
    assert "Brazil 50 %" in reading.reason
    assert "Japan 50 %" in reading.reason
