"""NMEA 0183: RMC, GGA, GLL and ZDA of any talker, and Magellan's PMGNTRK.

pynmea2 builds an object with all fields of a sentence. Here four are needed of five kinds, and what
is not there: the date, which most sentences lack, comes from the others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import reduce
from operator import xor
from typing import IO, NamedTuple

from geotagger.tracks.fixes import UNKNOWN, FixCollector, TrackError
from geotagger.tracks.values import METRES_PER_DOP

_SENTENCE = re.compile(
    rb"\$([A-Z]{2}(?:RMC|GGA|GLL|ZDA)|PMGNTRK),([^*\r\n$]*)(?:\*([0-9A-Fa-f]{2}))?"
)
_DAY_S = 86_400.0
_HALF_DAY_S = 43_200.0
_FIRST_YEAR = 80
"""Of two digits, 80 is 1980, when GPS began; 79 is 2079."""


class _Sentence(NamedTuple):
    """What one sentence says; None is what it does not."""

    time_s: float
    """Seconds since midnight, UTC."""
    day_s: float | None = None
    """Midnight, in seconds since 1970."""
    position: tuple[float, float] | None = None
    accuracy_m: float = UNKNOWN


def read_nmea(stream: IO[bytes], fixes: FixCollector) -> None:
    """Reads all fixes. Sentences with a wrong checksum, and those without a fix, are left out.

    Raises:
        TrackError: no sentence has a date.
    """
    epochs = _Epochs(fixes)
    for line in stream:
        match = _SENTENCE.search(line)
        if match is None:
            continue
        if match[3] and int(match[3], 16) != reduce(xor, line[match.start() + 1 : match.end() - 3]):
            fixes.skipped += 1
            continue
        try:
            sentence = _PARSERS[match[1][-3:]](match[2].decode("ascii").split(","))
        except (ValueError, IndexError, OverflowError):
            fixes.skipped += 1
            continue
        if sentence is not None:
            epochs.add(sentence)
    epochs.finish()


class _Epochs:
    """Joins the sentences of each second: one has the date, another one the accuracy."""

    def __init__(self, fixes: FixCollector) -> None:
        self._fixes = fixes
        self._current: _Sentence | None = None
        self._day_s: float | None = None
        self._last_s = 0.0
        self._undated: list[_Sentence] = []

    def add(self, sentence: _Sentence) -> None:
        """The next sentence of the log."""
        current = self._current
        if current is None or sentence.time_s != current.time_s:
            self._end()
            self._current = sentence
            return
        self._current = _Sentence(
            current.time_s,
            current.day_s if sentence.day_s is None else sentence.day_s,
            current.position or sentence.position,
            sentence.accuracy_m if current.accuracy_m != current.accuracy_m else current.accuracy_m,
        )

    def finish(self) -> None:
        """Raises TrackError if no sentence had a date."""
        self._end()
        if self._undated:
            raise TrackError(
                "it has no date: let the receiver write RMC or ZDA sentences, or convert the log "
                "to GPX with its date"
            )

    def _end(self) -> None:
        epoch = self._current
        if epoch is None:
            return
        if epoch.day_s is not None:
            self._day_s = epoch.day_s
        elif self._day_s is not None and epoch.time_s < self._last_s - _HALF_DAY_S:
            self._day_s += _DAY_S  # midnight has passed
        self._last_s = epoch.time_s
        if self._day_s is None:
            self._undated.append(epoch)
            return
        for earlier in self._undated:  # the date came later; midnight may lie between
            passed = earlier.time_s > epoch.time_s + _HALF_DAY_S
            self._add_fix(earlier, self._day_s - _DAY_S * passed)
        self._undated.clear()
        self._add_fix(epoch, self._day_s)

    def _add_fix(self, epoch: _Sentence, day_s: float) -> None:
        if epoch.position:
            self._fixes.add(day_s + epoch.time_s, *epoch.position, epoch.accuracy_m)


def _rmc(fields: Sequence[str]) -> _Sentence | None:
    if fields[1] != "A":
        return None
    return _Sentence(_time(fields[0]), _day(fields[8]), _position(fields[2:6]))


def _gga(fields: Sequence[str]) -> _Sentence | None:
    if fields[5] in ("", "0"):
        return None
    accuracy_m = float(fields[7]) * METRES_PER_DOP if fields[7] else UNKNOWN
    return _Sentence(_time(fields[0]), None, _position(fields[1:5]), accuracy_m)


def _gll(fields: Sequence[str]) -> _Sentence | None:
    if fields[5] != "A":
        return None
    return _Sentence(_time(fields[4]), None, _position(fields[:4]))


def _zda(fields: Sequence[str]) -> _Sentence | None:
    day, month, year = map(int, fields[1:4])
    return _Sentence(_time(fields[0]), datetime(year, month, day, tzinfo=UTC).timestamp())


def _trk(fields: Sequence[str]) -> _Sentence | None:
    if fields[7] != "A":
        return None
    return _Sentence(_time(fields[6]), _day(fields[9]), _position(fields[:4]))


_PARSERS = {b"RMC": _rmc, b"GGA": _gga, b"GLL": _gll, b"ZDA": _zda, b"TRK": _trk}


def _time(text: str) -> float:
    """`hhmmss.sss` as seconds since midnight."""
    return int(text[:2]) * 3600 + int(text[2:4]) * 60 + float(text[4:])


def _day(text: str) -> float:
    """`ddmmyy` as seconds since 1970."""
    day, month, year = int(text[:2]), int(text[2:4]), int(text[4:])
    century = 1900 if year >= _FIRST_YEAR else 2000
    return datetime(century + year, month, day, tzinfo=UTC).timestamp()


def _position(fields: Sequence[str]) -> tuple[float, float]:
    """`ddmm.mmmm,N,dddmm.mmmm,E`."""
    lat, north, lon, east = fields
    return _degrees(lat, 2, north, "S"), _degrees(lon, 3, east, "W")


def _degrees(text: str, digits: int, ref: str, negative: str) -> float:
    value = int(text[:digits]) + float(text[digits:]) / 60
    return -value if ref == negative else value
