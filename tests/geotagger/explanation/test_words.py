"""The explanation of a photo in sentences."""

import pytest

from geotagger.explanation.steps import Explanation
from geotagger.explanation.words import sentences
from tests.fixtures.samples import OSLO, outcome, prediction


@pytest.mark.parametrize(
    ("radii_km", "said"),
    [
        ((121.0, 176.4, 1863.0), "50 % within 121 km, 80 % within 176 km, 90 % within 1,863 km"),
        ((5.0, 5.0, 5.0), "90 % within 5 km"),
        ((5.0, 5.2, 12.0), "80 % within 5 km, 90 % within 12 km"),
    ],
)
def test_circles_of_the_same_radius_are_said_once(radii_km, said):
    explained = Explanation(outcome(prediction=prediction(OSLO)), 25.0, radii_km)
    assert sentences(explained)[0].endswith(f"Probability around the point: {said}.")
