"""Place names that a person or another program wrote into a photo, in IPTC-IIM and XMP.

IPTC Photo Metadata Standard 2023.2: the old fields (IIM datasets 2:90 to 2:101, photoshop:City and
the like) and the Location structures. Names that geotagger wrote are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.iptc import CITY, COUNTRY, STATE, SUBLOCATION, iptc_fields
from geotagger.metadata.xmp import packet as xmp
from geotagger.metadata.xmp.prediction import without_prediction
from geotagger.metadata.xmp.tags import clean

if TYPE_CHECKING:
    from geotagger.metadata.xmp.packet import Value

_IIM = (SUBLOCATION, CITY, STATE, COUNTRY)
_SUBLOCATION = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/}Location"
_FLAT = (_SUBLOCATION, "photoshop:City", "photoshop:State", "photoshop:Country")
_STRUCTURES = ("Iptc4xmpExt:LocationCreated", "Iptc4xmpExt:LocationShown")
_PARTS = tuple(
    f"Iptc4xmpExt:{part}" for part in ("Sublocation", "City", "ProvinceState", "CountryName")
)


def place_names(data: bytes) -> tuple[str, ...]:
    """The places as written, finest part first: `("Alfama, Lisboa, Portugal",)`.

    Each text occurs once. Never raises: damaged parts are left out.
    """
    places = [*_in_xmp(data), *_in_iim(data)]
    return tuple(dict.fromkeys(", ".join(parts) for parts in places if parts))


def _in_xmp(data: bytes) -> Iterator[list[str]]:
    values = _values(xmp_packet(data))
    yield _texts(values, _FLAT)
    for structure in _STRUCTURES:
        places = values.get(structure)
        for place in places if isinstance(places, list) else [places]:
            if isinstance(place, dict):
                yield _texts(place, _PARTS)


def _values(raw: bytes | None) -> Mapping[str, Value]:
    try:
        original = without_prediction(raw).packet if raw else None
        return xmp.read(original).values if original else {}
    except CannotEmbedError:
        return {}


def _texts(values: Mapping[str, Value], names: tuple[str, ...]) -> list[str]:
    texts = (values.get(name) for name in names)
    return [clean(text) for text in texts if isinstance(text, str) and clean(text)]


def _in_iim(data: bytes) -> Iterator[list[str]]:
    fields = iptc_fields(data)
    texts = (clean(text) for field in _IIM for text in fields.get(field, ())[:1])
    yield [text for text in texts if text]
