"""Photos near a point from Google Street View Static and Mapillary."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from training.collect.street_collection import StreetPhoto
from training.collect.web import KeyRefusedError, WebError
from training.models.geoclip import KM_PER_DEGREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.collect.street_collection import QueryPoint
    from training.collect.web import WebService

HEADING_SPREAD = 15.0
"""The views look to the four sides, each turned at random by up to this number of degrees
(GeoSpottr)."""


def google(
    service: WebService, point: QueryPoint, radius_m: int, view: dict[str, str], seed: int
) -> Iterator[tuple[StreetPhoto, bytes]]:
    """Yields four views of the nearest panorama; none if Google has no outdoor panorama nearby.

    The request for the panorama (metadata) is free; each view is paid.

    Args:
        service: Google's service.
        point: Where to search.
        radius_m: How far to search.
        view: Parameters of the views: size, fov, pitch.
        seed: Of the headings.

    Raises:
        KeyRefusedError: The service refuses the key.
        WebError: The answer cannot be used.
    """
    where = {"location": point.key, "radius": str(radius_m), "source": "outdoor"}
    panorama = service.json("/maps/api/streetview/metadata", where)
    status = panorama.get("status")
    if status in ("ZERO_RESULTS", "NOT_FOUND"):
        return
    if status in ("REQUEST_DENIED", "OVER_QUERY_LIMIT", "OVER_DAILY_LIMIT"):
        raise KeyRefusedError(f"the service answers {status}; check the key, its quota and billing")
    try:
        if status != "OK":
            raise ValueError(f"status {status}")
        pano = str(panorama["pano_id"])
        lat, lon = float(panorama["location"]["lat"]), float(panorama["location"]["lng"])
    except (KeyError, TypeError, ValueError) as error:
        raise WebError(f"the service's answer cannot be used ({error!r})") from error
    owner = str(panorama.get("copyright") or "Google")
    digest = hashlib.sha256(f"{seed} {pano}".encode()).digest()
    turns = np.random.default_rng(list(digest)).uniform(-HEADING_SPREAD, HEADING_SPREAD, 4)
    for side, turn in enumerate(turns):
        heading = f"{(90 * side + turn) % 360:.1f}"
        data = service.data(
            "/maps/api/streetview",
            {"pano": pano, "heading": heading, "return_error_code": "true", **view},
        )
        name = hashlib.sha256(pano.encode()).hexdigest()[:20]
        photo = StreetPhoto(
            file=f"images/google_{name}_{side}.jpg",
            lat=lat,
            lon=lon,
            label=point.label,
            taken_at=str(panorama.get("date") or ""),
            heading=heading,
            image_id=pano,
            source=f"google {pano}",
            rights="google",
            attribution=owner,
        )
        yield photo, data


def mapillary(
    service: WebService, point: QueryPoint, radius_m: int, max_photos: int
) -> Iterator[tuple[StreetPhoto, bytes]]:
    """Yields the nearest flat photos in a square with sides of twice `radius_m`.

    Args:
        service: Mapillary's service.
        point: Where to search.
        radius_m: How far to search.
        max_photos: The number of photos.

    Raises:
        KeyRefusedError: The service refuses the key.
        WebError: The service does not answer.
    """
    north = radius_m / 1000 / KM_PER_DEGREE
    east = north / max(0.01, math.cos(math.radians(point.lat)))
    west_south_east_north = (
        max(-180.0, point.lon - east),
        max(-90.0, point.lat - north),
        min(180.0, point.lon + east),
        min(90.0, point.lat + north),
    )
    answer = service.json(
        "/images",
        {
            "fields": "id,computed_geometry,geometry,captured_at,compass_angle,creator,sequence,"
            "is_pano,thumb_1024_url",
            "bbox": ",".join(f"{value:.6f}" for value in west_south_east_north),
            "limit": str(10 * max_photos),
        },
    )
    photos = []
    for entry in answer.get("data") or ():
        try:
            shape = entry.get("computed_geometry") or entry["geometry"]
            lon, lat = (float(value) for value in shape["coordinates"][:2])
            url = str(entry["thumb_1024_url"])
        except (KeyError, TypeError, ValueError):
            continue  # a photo without place or picture
        if not entry.get("is_pano"):
            photos.append((math.hypot(lat - point.lat, (lon - point.lon)), lat, lon, url, entry))
    for _, lat, lon, url, entry in sorted(photos, key=lambda photo: photo[0])[:max_photos]:
        creator = str((entry.get("creator") or {}).get("username") or "unknown")
        number = "".join(c for c in str(entry["id"]) if c.isalnum())[:40]
        photo = StreetPhoto(
            file=f"images/mapillary_{number}.jpg",
            lat=lat,
            lon=lon,
            label=point.label,
            taken_at=str(entry.get("captured_at") or ""),
            heading=str(entry.get("compass_angle") or ""),
            image_id=str(entry["id"]),
            source=f"mapillary {creator}",
            rights="CC-BY-SA-4.0",
            attribution=f"{creator} on Mapillary, https://www.mapillary.com/app/?pKey={number}",
        )
        yield photo, service.linked_data(url)
