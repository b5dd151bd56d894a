"""Journeys with drawn times, of photos that are grouped by person and place.

The labels of a photo collection have no times. Photos of one source (a person) and one place are a
stop; times are drawn: minutes to hours between the photos of a stop, hours between stops, days
between countries. The pictures are observed as a run would observe them, from the logits of a model
that never saw these people.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geotagger.pipeline.trips.observe import Observer
from geotagger.types import Evidence, Observation, Outcome, Photo, PhotoEvidence, PhotoMetadata
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.decoding.factory import make_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.decide import Fusion
    from geotagger.pipeline.trips.areas import Areas

DRAWS = 3
"""Times are drawn so many times, which makes the calibration error less noisy."""
MIN_STOP, MAX_STOP = 5, 40
"""Sources without a stop of this many photos are no trips; of longer stops some photos are used."""
BATCH_SIZE = 64
START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Roll:
    """The photos of one person in order of time."""

    person: str
    photos: Sequence[Observation]
    log_ratios: NDArray[np.float64]
    """[n, countries] of each picture alone, against the prior."""
    countries: NDArray[np.intp]
    """[n] the true country of each."""

    @property
    def weight(self) -> float:
        """Of each photo."""
        return float(len(self.photos) ** -0.5)


def read_rolls(
    logits_file: Path,
    bundle_dir: Path,
    labels_file: Path,
    leave_out: Sequence[str],
    fusion: Fusion,
    areas: Areas,
) -> list[Roll]:
    """Reads the logits of each person's photos, and draws times for them."""
    with labels_file.open(encoding="utf-8", newline="") as file:
        place_of = {row["file"]: row.get("place", "") for row in csv.DictReader(file)}
    with np.load(logits_file, allow_pickle=False) as data:
        logits, names = data["logits"], data["photo"].tolist()
        people, codes = data["source"].tolist(), data["country"].tolist()
    number_of = {code: number for number, code in enumerate(fusion.places.country_codes)}
    stops: defaultdict[str, defaultdict[tuple[str, str], list[int]]]
    stops = defaultdict(lambda: defaultdict(list))
    for row, (name, person, code) in enumerate(zip(names, people, codes, strict=True)):
        place = place_of.get(name, "").partition(": ")[0]  # what follows is the photo's own title
        if code in number_of and place and person not in leave_out:
            stops[person][code, place].append(row)
    sizes = Counter({person: sum(map(len, own.values())) for person, own in stops.items()})
    rng = np.random.default_rng(0)
    maker = _ObservationMaker(bundle_dir, fusion, areas)
    rolls = []
    travellers = [
        person
        for person, _ in sizes.most_common()
        if max(map(len, stops[person].values())) >= MIN_STOP
    ]
    for person in DRAWS * travellers:
        timed = draw_times(stops[person], rng)
        photos, alone = maker.observe([row for row, _ in timed], [at for _, at in timed], logits)
        truth = np.array([number_of[codes[row]] for row, _ in timed], np.intp)
        rolls.append(Roll(person, photos, alone, truth))
    return rolls


def draw_times(
    stops: dict[tuple[str, str], list[int]], rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Draws a journey through the stops, one country after the other.

    Args:
        stops: (country, place) -> rows of photos.
        rng: the random generator.

    Returns:
        (row, hours since the start) in order of time.
    """
    timed, hours = [], 0.0
    countries = sorted({country for country, _ in stops})
    for country in rng.permutation(np.array(countries)).tolist():
        hours += 6 + rng.exponential(6 * 24)
        places = sorted(place for own, place in stops if own == country)
        for place in rng.permutation(np.array(places)).tolist():
            hours += rng.uniform(2, 30)
            for row in rng.permutation(stops[country, place])[:MAX_STOP].tolist():
                hours += float(np.exp(rng.uniform(np.log(1 / 60), np.log(4))))
                timed.append((row, hours))
    return timed


class _ObservationMaker:
    """Makes the observations that a run would make of photos with these logits."""

    def __init__(self, bundle_dir: Path, fusion: Fusion, areas: Areas) -> None:
        bundle = load_bundle(bundle_dir)
        self._decoder = make_decoder(bundle, bundle.card.heads[0], fusion.places)
        self._weight = bundle.card.calibration.weight
        self._outliers = fusion.constants.vision_outlier_probability
        self._fusion, self._areas = fusion, areas
        self._observer = Observer(fusion, areas, use_gps=False)

    def observe(
        self, rows: Sequence[int], hours: Sequence[float], logits: NDArray[np.float32]
    ) -> tuple[list[Observation], NDArray[np.float64]]:
        """The observations, and the log-likelihood ratios of the countries by each alone."""
        found, alone = [], []
        for start in range(0, len(rows), BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            decoded = self._decoder.decode(logits[rows[batch]])
            for reading, at in zip(decoded, hours[batch], strict=True):
                assert reading.log_likelihood is not None
                evidence = Evidence(
                    "vision",
                    self._weight,
                    "",
                    reading.log_likelihood,
                    outlier_probability=self._outliers,
                    baseline=reading.baseline,
                )
                taken = (START + timedelta(hours=at)).replace(tzinfo=None).isoformat()
                metadata = PhotoMetadata(taken_at=taken, camera="camera")
                outcome = Outcome(Photo(Path("photo.jpg"), Path()), metadata=metadata)
                observation = self._observer.observe(PhotoEvidence(outcome, (evidence,)))
                assert observation is not None
                found.append(observation)
                mass = self._areas.by_country(self._areas.sums(self._fusion.posterior([evidence])))
                alone.append(np.log(mass / self._areas.country_prior))
        return found, np.stack(alone)
