"""The records that the stages of a run pass on. Read this file first.

Every scanned file becomes one `Photo`, and every `Photo` becomes exactly one `Outcome`. A stage
takes an `Outcome` and returns a new one with more in it (`dataclasses.replace`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
    """A named place. Unknown names are empty (a point at sea has no country)."""

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
    """The argument of the command line under which the file was found."""
    size_bytes: int
    mtime_ns: int
    problem: str
    """Why it cannot be read (unreadable folder, broken link); empty if it can."""


class Photo(_Identity):
    """The identity of a scanned file, which has not been opened.

    It is a tuple with folder and name apart, because joining them for each of a million files takes
    longer than finding the files. The scan creates it by `_make` from all fields.
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


class SidecarVersion(NamedTuple):
    """An XMP sidecar, or the record of an online album, as it was at some time."""

    name: str
    size_bytes: int
    mtime_ns: int


class TimeOrigin(StrEnum):
    """Where the time of a photo comes from."""

    ORIGINAL = "original"
    """DateTimeOriginal in EXIF."""
    DIGITIZED = "digitized"
    """DateTimeDigitized in EXIF."""
    XMP = "xmp"
    GPS = "gps"
    """The GPS time, UTC."""
    RECORD = "record"
    """A record of an online album, UTC."""
    VIDEO = "video"
    """The video of a Live Photo."""
    NAME = "name"
    """The name of the file."""


@dataclass(frozen=True, slots=True)
class PhotoMetadata:
    """The metadata of a photo, read before the picture is decoded."""

    gps: Point | None = None
    gps_problem: str = ""
    """Why existing GPS tags hold no valid position (0/0, 0,0, out of range, not readable)."""
    gps_is_prediction: bool = False
    """The position was written by geotagger: it is a prediction, not a measurement."""
    taken_at: str = ""
    """ISO 8601: local time of the camera, with its UTC offset if the camera wrote one. UTC (with
    `Z`) or a day without time, where no more is known."""
    camera: str = ""
    """Maker and model."""
    gps_error_km: float = 0.0
    """The GPS receiver's estimate of its error; 0 if it gives none."""
    gps_time: str = ""
    """ISO 8601, UTC, from the GPS tags, also without a position."""
    camera_serial: str = ""
    """Serial number of the camera, which distinguishes cameras of the same model."""
    place_names: tuple[str, ...] = ()
    """Place names in IPTC and XMP, the finest first; read only if a source needs them."""
    gps_is_unread: bool = False
    """GPS tags hold something that could not be read as a position; other programs may read it."""
    gps_sidecar: str = ""
    """Name of the XMP sidecar or of the record (`.json`) that the position, or what is wrong with
    it, was read from."""
    sidecars: tuple[SidecarVersion, ...] = ()
    """The sidecars and records that were read, photo.jpg.xmp first."""
    time_origin: TimeOrigin = TimeOrigin.ORIGINAL
    """Where `taken_at` comes from."""
    gps_is_stated: bool = False
    """A person set the position in an online album, or the album estimated it: not measured."""
    record_problem: str = ""
    """Why the record of an online album cannot be read."""
    gps_is_from_track: bool = False
    """geotagger wrote the position, and took it from a track log: it is a measurement."""

    def with_time(self, taken_at: str, origin: TimeOrigin) -> PhotoMetadata:
        """The same with a time, if it has none and `taken_at` is not empty."""
        if self.taken_at or not taken_at:
            return self
        return replace(self, taken_at=taken_at, time_origin=origin)

    def with_position_of(
        self, file: str, point: Point, *, is_from_track: bool = False, is_stated: bool = False
    ) -> PhotoMetadata:
        """The same with the position that a sidecar or record states, instead of its own."""
        return replace(
            self,
            gps=point,
            gps_problem="",
            gps_is_prediction=False,
            gps_error_km=0.0,
            gps_is_unread=False,
            gps_sidecar=file,
            gps_is_from_track=is_from_track,
            gps_is_stated=is_stated,
        )

    @property
    def gps_file_kind(self) -> str:
        """What `gps_sidecar` is, in a word."""
        return "record" if self.gps_sidecar.endswith(".json") else "sidecar"

    @property
    def has_own_gps(self) -> bool:
        """Whether there is a position that geotagger did not write, or tags that may hold one."""
        is_own = self.gps_is_prediction or self.gps_is_from_track
        return self.gps_is_unread or (self.gps is not None and not is_own)

    @property
    def has_measured_gps(self) -> bool:
        """The same, or a position that geotagger took from a track."""
        return self.has_own_gps or (self.gps is not None and self.gps_is_from_track)


class SourceKind(StrEnum):
    """The kinds of sources of evidence."""

    VISION = "vision"
    SIGHTS = "sights"
    """Photos of known sights that the picture looks like."""
    TEXT = "text"
    CLOCK = "clock"
    ALBUM = "album"
    """Photos that the same camera took nearby in time: the trip."""
    NAMES = "names"
    """Place names in metadata, and names of folders and files."""
    TRACK = "track"
    """Track logs that a receiver wrote at the time."""


def source_kind(source: str) -> str:
    """The kind of a source, whose name is its kind or, if several models run, `KIND:MODEL`."""
    return source.partition(":")[0]


@dataclass(frozen=True, slots=True)
class SourceNote:
    """The evidence of one source as a sentence, for a person."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class MeasuredPosition:
    """A position that a receiver measured, though not the camera itself."""

    point: Point
    radius_km: float
    """Holds the true position with 90 %."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence of one source on a photo: a log-likelihood for every row of the places table."""

    source: str
    weight: float
    reason: str | Callable[[int], str]
    """A short text that a person can check. It may depend on the predicted row, so that what
    supports that place comes first: see `reason_at`."""
    log_likelihood: NDArray[np.float32]
    """float32 [len(places)], natural logarithm, up to a constant."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Other findings of the source: (name, value)."""
    outlier_probability: float = 0.0
    """Probability that the source says nothing about the place (the words are a brand, the picture
    is unlike all training pictures). It is a floor under the likelihoods."""
    baseline: NDArray[np.float32] | None = None
    """The part of `log_likelihood` that is the same for every photo: a model's own prior. Photos of
    a trip count it once. None if there is no such part."""
    named_towns: tuple[Place, ...] = ()
    """Towns that the source names in words, each with its point and its city name alone. If the
    belief is there, the answer is the town of that name and not its neighbour."""
    measured: MeasuredPosition | None = None
    """The source is a measurement: this is the answer, whatever the other sources say."""

    def reason_at(self, row: int) -> str:
        """The reason, worded for the predicted row."""
        return self.reason if isinstance(self.reason, str) else self.reason(row)

    @property
    def kind(self) -> str:
        """One of `SourceKind`."""
        return source_kind(self.source)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible place and its probability (0 to 1)."""

    place: Place
    point: Point
    probability: float


class Level(StrEnum):
    """The finest level with enough confidence to be named."""

    CITY = "city"
    REGION = "region"
    COUNTRY = "country"
    CONTINENT = "continent"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted place of a photo, its confidence, and the evidence."""

    point: Point
    place: Place
    """All names of the point; `level` is the finest one with enough confidence."""
    level: Level
    confidence: float
    """Probability (0 to 1) that the place is right at `level`; at level none, of its country."""
    radius_km: float
    """Radius around `point` that holds 90 % of the probability."""
    candidates: tuple[Candidate, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    evidence: tuple[SourceNote, ...] = ()
    """One note per source that has evidence, for a person to check."""
    review: str = ""
    """confirmed, or corrected (a person chose the point); empty without a review."""
    measured_by: str = ""
    """The source that measured the point: `track`. Empty: the point is predicted."""


class Status(StrEnum):
    """The result for a photo."""

    PREDICTED = "predicted"
    TAGGED = "tagged"
    UNSURE = "unsure"
    SKIPPED = "skipped"
    FAILED = "failed"


class Moment(NamedTuple):
    """When a photo was taken, among the photos of its sequence."""

    sequence: tuple[str, ...]
    """Names the sequence: the camera, or the folder and what the file names begin with."""
    at_s: float
    """Seconds since 1970 by that camera's clock; without a clock, in the order of the names."""
    by_clock: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known about a photo so far; at the end one row of the report."""

    photo: Photo
    status: Status = Status.UNSURE
    metadata: PhotoMetadata = field(default_factory=PhotoMetadata)
    prediction: Prediction | None = None
    sha256: str = ""
    """SHA-256 of the file as it was read, in hexadecimal."""
    model: str = ""
    reasons: tuple[Reason, ...] = ()
    """Why it has its status, and what else happened to it."""
    moment: Moment | None = None
    """Its place in the sequence of another camera that was with its own."""


class AreaRatios(NamedTuple):
    """How well each area fits something: log-likelihood ratios against the prior.

    They are compressed, about 1 KB, by `pipeline.trips.ratios`: most are never read again.
    """

    countries: bytes
    regions: bytes
    """Each region against its country."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What a photo says about the places of its neighbours in time."""

    name: str
    """Name of its file."""
    moment: Moment
    picture: AreaRatios | None = None
    """By the looks of the picture alone, against a picture that shows nothing."""
    sign: AreaRatios | None = None
    """By the words in it, if they name a country."""
    words: str = ""
    """Those words, or that it has GPS, for the sentence of the neighbours."""
    point: Point | None = None
    """Where it was taken, if GPS or words say that."""
    certainty: float = 0.0
    """Probability that it was taken near `point`."""
    error_km: float = 0.0
    """How far `point` may be off."""


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """A photo and the evidence of each source that has any."""

    outcome: Outcome
    evidence: tuple[Evidence, ...] = ()
    observation: Observation | None = None
    """The photo as evidence for its neighbours in time; set by `pipeline.trips`."""
