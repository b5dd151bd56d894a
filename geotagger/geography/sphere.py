"""Great-circle arithmetic on numbers and arrays: degrees, kilometres, a spherical Earth.

Distances differ from those on the WGS-84 ellipsoid by at most 0.56 %, far less than the error of
any prediction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EARTH_RADIUS_KM = 6371.0


def haversine_km(lat1: ArrayLike, lon1: ArrayLike, lat2: ArrayLike, lon2: ArrayLike) -> Any:
    """Great-circle distance between points in degrees (R. W. Sinnott, "Virtues of the Haversine",
    1984). Exact to metres, also for near points and antipodes.

    Returns:
        km: a float for four numbers, otherwise a float64 array of the broadcast shape.
    """
    phi1, phi2 = np.radians(_float64(lat1)), np.radians(_float64(lat2))
    half_lat = (phi2 - phi1) / 2
    half_lon = np.radians(_float64(lon2) - _float64(lon1)) / 2
    h = np.sin(half_lat) ** 2 + np.cos(phi1) * np.cos(phi2) * np.sin(half_lon) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))
    return float(km) if km.ndim == 0 else km


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float32]:
    """Points on the unit sphere: x towards (0, 0), y towards (0, 90), z towards the north pole.

    float32 resolves about a metre along the surface, but the cosine of two such vectors resolves
    only about 2 km; use `haversine_km` for anything finer.

    Args:
        lat, lon: degrees.

    Returns:
        float32 [..., 3].
    """
    return unit_vectors64(lat, lon).astype(np.float32)


def unit_vectors64(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
    """`unit_vectors` as float64 [..., 3]; the cosine of two of them resolves about 0.1 m."""
    phi, lam = np.broadcast_arrays(np.radians(_float64(lat)), np.radians(_float64(lon)))
    cos_phi = np.cos(phi)
    return np.stack([cos_phi * np.cos(lam), cos_phi * np.sin(lam), np.sin(phi)], axis=-1)


def cosine_of_km(km: ArrayLike) -> Any:
    """Cosine of the angle between two unit vectors that are `km` apart along the surface."""
    cosine = np.cos(_float64(km) / EARTH_RADIUS_KM)
    return float(cosine) if cosine.ndim == 0 else cosine


def km_of_cosine(cosine: ArrayLike) -> Any:
    """Distance in km along the surface between two unit vectors with this cosine."""
    km = EARTH_RADIUS_KM * np.arccos(np.clip(_float64(cosine), -1.0, 1.0))
    return float(km) if km.ndim == 0 else km


def _float64(values: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
