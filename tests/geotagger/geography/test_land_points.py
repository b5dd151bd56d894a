"""Points on land that stand for equal areas."""

import numpy as np
import pytest

from geotagger.geography import land_points
from geotagger.geography.sphere import haversine_km


def test_land_points_stand_for_equal_areas():
    lat, lon = land_points.fibonacci_land(3000)
    assert len(lat) == pytest.approx(3000, rel=0.03)
    own = land_points._on_land(lat, lon)
    assert own.all()
    share = ((lat > 35) & (lat < 71) & (lon > -10) & (lon < 40)).mean()
    assert share == pytest.approx(9.0 / 145, abs=0.02)  # million km2: Europe to 40 E, all land
    nearest = [
        np.sort(haversine_km(a, o, lat, lon))[1] for a, o in zip(lat[::97], lon[::97], strict=True)
    ]
    assert max(nearest) < 3 * min(nearest)
    sea, land = land_points._on_land(np.array([0.0, 46.8]), np.array([-30.0, 8.2]))
    assert not sea
    assert land
