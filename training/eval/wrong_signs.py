"""What one sign does to a trip: python -m training.eval.wrong_signs RUN BUNDLE PHOTOS

RUN, BUNDLE and PHOTOS as for training.calibrate.fit_trips. Stays of 15 to 60 photos in one country
are cut out of the drawn journeys. Beside the pictures, a stay has nothing, one or two signs that
name the right country with 97 %, one that names a town there, or a measured position. Then a sign
is added in the middle that names another country, or a town in it.

Shown are the stays whose most photos have the right country first; those of them whose most photos
then have another ("pulled"), or are answered with another ("named wrongly"); of the stays whose
most photos were answered rightly first, those that are answered wrongly then ("turned"); and the
mean share of photos that are right, answered rightly and answered wrongly, of all stays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.pipeline.trips.areas import Areas
from geotagger.pipeline.trips.damping import TripConstants
from geotagger.pipeline.trips.observe import HAS_GPS
from geotagger.pipeline.trips.ratios import pack_ratios
from geotagger.pipeline.trips.solve import SequenceSolver
from geotagger.types import Level, Observation, Point
from training.calibrate.drawn_trips import read_rolls

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from training.calibrate.drawn_trips import Roll

MIN_STAY, MAX_STAY = 15, 60
SIGN_CONFIDENCE, GPS_CONFIDENCE = 0.97, 0.999
MIDDLE = 0.5


@dataclass(frozen=True, slots=True)
class Stay:
    """Photos of one person in one country, in order of time."""

    photos: Sequence[Observation]
    log_ratios: NDArray[np.float64]
    """[n, countries] of each picture alone."""
    country: int


@dataclass(frozen=True, slots=True)
class Known:
    """What else places a stay: at these shares of its photos, by a right sign or a position."""

    signs: Sequence[float] = ()
    towns: Sequence[float] = ()
    """Signs that name a town."""
    positions: Sequence[float] = ()


CASES: Mapping[str, Known] = {
    "pictures alone": Known(),
    "pictures, one sign": Known(signs=(0.2,)),
    "pictures, two signs": Known(signs=(0.2, 0.8)),
    "pictures, a town": Known(towns=(0.2,)),
    "pictures, a position": Known(positions=(0.2,)),
}


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.argument("photos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--leave-out", multiple=True, metavar="SOURCE", help="A source that is no person.")
def main(run: Path, bundle_dir: Path, photos: Path, leave_out: tuple[str, ...]) -> None:
    fusion = Fusion(load_places())
    areas = Areas(fusion.places, fusion.log_prior)
    rolls = read_rolls(run / "oof.npz", bundle_dir, photos / "labels.csv", leave_out, fusion, areas)
    found = [stay for roll in rolls for stay in stays_of(roll)]
    click.echo(f"{len(found)} stays")
    test = SignTest(fusion, areas, TripConstants.load())
    for line in test.lines(found):
        click.echo(line)


def stays_of(roll: Roll) -> Iterator[Stay]:
    """The longest runs of photos in one country."""
    ends = [*(np.flatnonzero(np.diff(roll.countries)) + 1).tolist(), len(roll.countries)]
    for start, end in zip([0, *ends], ends, strict=False):
        rows = slice(start, min(end, start + MAX_STAY))
        if end - start >= MIN_STAY:
            yield Stay(roll.photos[rows], roll.log_ratios[rows], int(roll.countries[start]))


@dataclass(frozen=True, slots=True)
class Answers:
    """The countries of the photos of a stay."""

    right: float
    """Share whose most probable country is right."""
    named_right: float
    """Share that is answered with the right country."""
    named_wrong: float


class SignTest:
    """Adds signs to stays."""

    def __init__(self, fusion: Fusion, areas: Areas, constants: TripConstants) -> None:
        self._areas = areas
        self._solver = SequenceSolver(fusion, areas, constants)
        self._threshold = fusion.constants.thresholds[Level.COUNTRY]
        self._rng = np.random.default_rng(0)

    def lines(self, stays: Sequence[Stay]) -> Iterator[str]:
        """The table."""
        drawn = [self._drawn_country(stay.country) for stay in stays]
        yield (
            f"{'placed by':<22}{'wrong sign':<12}{'right before':>12}{'pulled':>8}"
            f"{'named wrongly':>15}{'turned':>12}   photos right, named rightly, named wrongly"
        )
        for title, known in CASES.items():
            before = [self.answers(stay, known) for stay in stays]
            count = sum(map(_is_right, before))
            yield f"{title:<22}{'none':<12}{count:12}{'':35}   {_means(before)}"
            answered = [first.named_right > MIDDLE for first in before]
            for kind in ("country", "town"):
                after = [
                    self.answers(stay, known, country, in_town=kind == "town")
                    for stay, country in zip(stays, drawn, strict=True)
                ]
                is_wrong = [answers.named_wrong > MIDDLE for answers in after]
                pairs = list(zip(before, after, is_wrong, strict=True))
                pulled = sum(_is_right(first) and not _is_right(then) for first, then, _ in pairs)
                named = sum(_is_right(first) and wrong for first, _, wrong in pairs)
                turned = sum(a and b for a, b in zip(answered, is_wrong, strict=True))
                yield (
                    f"{'':<22}{kind:<12}{count:12}{pulled:8}{named:15}"
                    f"{f'{turned} of {sum(answered)}':>12}   {_means(after)}"
                )

    def _drawn_country(self, right: int) -> int:
        prior = self._areas.country_prior.copy()
        prior[right] = 0
        return int(self._rng.choice(len(prior), p=prior / prior.sum()))

    def answers(
        self, stay: Stay, known: Known, wrong: int | None = None, *, in_town: bool = False
    ) -> Answers:
        """Places the stay with what is known, and with a wrong sign in its middle."""
        added = [self._sign(stay, share, stay.country) for share in known.signs]
        added += [self._sign(stay, share, stay.country, in_town=True) for share in known.towns]
        added += [self._position(stay, share) for share in known.positions]
        if wrong is not None:
            added.append(self._sign(stay, MIDDLE, wrong, in_town=in_town))
        trip = self._solver.solve_countries([*stay.photos, *added])
        row_of = {id(photo): row for row, photo in enumerate(trip.photos)}
        others = [self._solver.country_ratios(trip, row_of[id(photo)]) for photo in stay.photos]
        logs = stay.log_ratios + np.stack(others) + np.log(self._areas.country_prior)
        mass = np.exp(logs - logs.max(axis=1, keepdims=True))
        mass /= mass.sum(axis=1, keepdims=True)
        is_right = mass.argmax(axis=1) == stay.country
        is_named = mass.max(axis=1) >= self._threshold
        return Answers(
            float(is_right.mean()),
            float((is_right & is_named).mean()),
            float((~is_right & is_named).mean()),
        )

    def _sign(
        self, stay: Stay, share: float, country: int, *, in_town: bool = False
    ) -> Observation:
        found = self._at(stay, share, country, SIGN_CONFIDENCE, f"sign {share}")
        return replace(found, point=Point(0, 0), certainty=SIGN_CONFIDENCE) if in_town else found

    def _position(self, stay: Stay, share: float) -> Observation:
        return self._at(stay, share, stay.country, GPS_CONFIDENCE, HAS_GPS)

    def _at(
        self, stay: Stay, share: float, country: int, confidence: float, words: str
    ) -> Observation:
        prior = self._areas.country_prior
        mass = (1 - confidence) * prior
        mass[country] += confidence
        near = stay.photos[int(share * len(stay.photos))]
        sign = pack_ratios(np.log(mass / prior), np.zeros(len(self._areas)))
        moment = near.moment._replace(at_s=near.moment.at_s + 1)
        return Observation(words, moment, sign=sign, words=words)


def _is_right(answers: Answers) -> bool:
    """Whether most photos have the right country."""
    return answers.right > MIDDLE


def _means(stays: Sequence[Answers]) -> str:
    return " ".join(
        f"{np.mean([getattr(one, field) for one in stays]):7.3f}"
        for field in ("right", "named_right", "named_wrong")
    )


if __name__ == "__main__":
    main()
