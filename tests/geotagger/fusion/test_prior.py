"""The prior: how it follows the population of countries and towns."""

import numpy as np
import pytest

from geotagger.fusion.prior import Constants, log_prior


def test_the_prior_grows_with_powers_of_the_people(places):
    """Both exponents and the pseudo population stand where the docstring says."""
    constants = Constants.load()
    share = np.exp(log_prior(places, constants).astype(np.float64))
    assert share.sum() == pytest.approx(1, rel=1e-4)

    def people(code):
        return float(places.population[places.mask([code])].sum(dtype=np.float64))

    def country(code):
        return float(share[places.mask([code])].sum())

    pseudo = constants.prior_pseudo_population
    ratio = (people("NZ") + pseudo) / (people("IS") + pseudo)  # islands, far from every border
    assert country("NZ") / country("IS") == pytest.approx(
        ratio**constants.prior_country_exponent, rel=1e-3
    )
    inside = np.flatnonzero(places.mask(["FR"]))
    order = inside[np.argsort(places.population[inside], kind="stable")]
    small, large = int(order[len(order) // 2]), int(order[-1])
    ratio = (float(places.population[large]) + pseudo) / (float(places.population[small]) + pseudo)
    assert share[large] / share[small] == pytest.approx(
        ratio**constants.prior_town_exponent, rel=1e-3
    )
