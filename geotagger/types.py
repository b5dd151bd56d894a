"""The nouns that travel through the program. Read this file first.

Every photo walked becomes one `Photo`, and every `Photo` becomes exactly one `Outcome`.
Each stage takes an `Outcome` and returns a refined one (`dataclasses.replace`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from geotagger.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Point:
    """A position on the Earth in degrees, WGS-84: lat in [-90, 90], lon in [-180, 180]."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Place:
    """A named place. Names that are not known are empty strings (a ship at sea has no country)."""

    point: Point
    country_code: str = ""
    """ISO 3166-1 alpha-2."""
    country: str = ""
    region: str = ""
    city: str = ""
    continent: str = ""


class _Identity(NamedTuple):
    folder: Path
    name: str
    root: Path
    """The argument under which the walk found it."""
    size_bytes: int
    mtime_ns: int
    problem: str
    """Why it cannot be looked at (unreadable folder, broken link); empty when all is well."""


class Photo(_Identity):
    """The identity of one file that was walked; nothing has been opened.

    A tuple that holds folder and name apart: to join them for each of a million files would take
    longer than to find and stat them takes now. So the walk makes it by `_make`, of all fields.
    """

    __slots__ = ()

    def __new__(
        cls, path: Path, root: Path, size_bytes: int = 0, mtime_ns: int = 0, problem: str = ""
    ) -> Photo:
        return cls._make((path.parent, path.name, root, size_bytes, mtime_ns, problem))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.path, *self[2:]

    @property
    def path(self) -> Path:
        return self.folder / self.name


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """What the photo's own metadata says, read before any pixel is decoded."""

    gps: Point | None = None
    gps_problem: str = ""
    """Why a GPS block that is there is no position (0/0, 0,0, out of range, missing Ref)."""
    gps_is_prediction: bool = False
    """The position was written by geotagger, so it is a guess and not a measurement."""
    taken_at: str = ""
    """ISO 8601 local time as the camera wrote it, with its UTC offset where one is given."""
    camera: str = ""
    """Maker and model, as one text."""
    gps_error_km: float = 0.0
    """The receiver's own estimate of its error; 0 when it gives none."""
    gps_time: str = ""
    """ISO 8601, UTC, from the GPS block; it may be there without a position."""
    camera_serial: str = ""
    """Of the body, where it tells: two cameras of one model are two."""
    place_names: tuple[str, ...] = ()
    """Place names in IPTC and XMP, finest part first; read only if a source needs them."""


class SourceKind(StrEnum):
    """The kinds of sources of evidence."""

    VISION = "vision"
    TEXT = "text"
    CLOCK = "clock"
    ALBUM = "album"
    """Photos that the same camera took nearby in time."""
    NAMES = "names"
    """Place names in metadata, and names of folders and files."""


def source_kind(source: str) -> str:
    """The kind of a source. Its name is the kind, or `KIND:MODEL` where several models run."""
    return source.partition(":")[0]


@dataclass(frozen=True, slots=True)
class SourceNote:
    """What one source of evidence says of a photo, for a person."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one source says of one photo: a log-likelihood for every row of the places table."""

    source: str
    weight: float
    reason: str | Callable[[int], str]
    """A short text that a person can check. It may depend on the row of the table that was decided
    for, so that what supports that place comes first: see `reason_at`."""
    log_likelihood: NDArray[np.float32]
    """float32 [len(places)], natural logarithm, up to a constant."""
    attributes: tuple[tuple[str, str], ...] = ()
    """What the source saw that is no place: (name, value)."""
    outlier_probability: float = 0.0
    """Probability that the source says nothing of the place (the words are a brand, the picture is
    unlike all that the model was trained on); it puts a floor under the likelihoods."""

    def reason_at(self, row: int) -> str:
        """The reason, worded for the place that was decided for."""
        return self.reason if isinstance(self.reason, str) else self.reason(row)

    @property
    def kind(self) -> str:
        """One of `SourceKind`."""
        return source_kind(self.source)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer and the belief in it (0 to 1)."""

    place: Place
    point: Point
    probability: float


class Level(StrEnum):
    """The finest level that can honestly be named."""

    CITY = "city"
    REGION = "region"
    COUNTRY = "country"
    CONTINENT = "continent"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Prediction:
    """Where a photo was taken, how sure that is, and why."""

    point: Point
    place: Place
    """Names down to the finest part known of the point; `level` says which may be believed."""
    level: Level
    confidence: float
    """Belief (0 to 1) that the place is right at `level` (at level none: in the best country)."""
    radius_km: float
    """Radius around `point` that holds 90 % of the belief."""
    candidates: tuple[Candidate, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    evidence: tuple[SourceNote, ...] = ()
    """What each source says, for a person to check."""
    review: str = ""
    """What a person made of it: confirmed, or corrected (the point is theirs). Empty: no one."""


class Status(StrEnum):
    PREDICTED = "predicted"
    TAGGED = "tagged"
    UNSURE = "unsure"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything known of one photo so far; at the end, one row of the report."""

    photo: Photo
    status: Status = Status.UNSURE
    metadata: PhotoMetadata = field(default_factory=PhotoMetadata)
    prediction: Prediction | None = None
    sha256: str = ""
    """Of the file as it was read, in hexadecimal."""
    model: str = ""
    reasons: tuple[Reason, ...] = ()
    """Why it has its status, and what else happened to it."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A photo whose own words say where it was taken: evidence for its neighbours in time."""

    name: str
    """Of its file."""
    camera: tuple[str, str]
    """Model and serial number."""
    at: float
    """Seconds since 1970, by the camera's own clock."""
    countries: NDArray[np.float32]
    """Probability of each country, float32 [len(country_codes)]."""
    point: Point
    in_town: float
    """Probability of the town at `point`; 0 where only the country is known."""
    words: str


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """A photo, what is known of it so far, and the evidence from each source that has any."""

    outcome: Outcome
    evidence: tuple[Evidence, ...] = ()
    anchor: Anchor | None = None
    """The photo as evidence for its neighbours in time; set by `NeighbourPropagation`."""
