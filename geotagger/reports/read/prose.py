"""Lists of evidence and reasons from a report that holds sentences alone.

A CSV, and a report of schema version 1, say `evidence` and `note` as text. This file alone reads
facts back from that text; everything else takes the lists `evidence_by_source` and `reasons`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from geotagger.reasons import ReasonCode
from geotagger.types import SourceKind

_STARTS: Mapping[SourceKind, str] = {
    SourceKind.VISION: r"(?:picture (?:looks like|points to)|closest caption:) ",
    SourceKind.SIGHTS: r"looks like known photos of ",
    SourceKind.TEXT: r"sign: ",
    SourceKind.CLOCK: r"clock [+-]",
    SourceKind.ALBUM: r"(?:album|trip): ",
    SourceKind.NAMES: r"(?:metadata|name): ",
    SourceKind.TRACK: r"track: ",
}
"""How the text of each kind of source begins."""
_START = re.compile(
    r"(?:^|; )(?=" + "|".join(f"(?P<{kind}>{start})" for kind, start in _STARTS.items()) + ")"
)


def split_evidence(sentence: str) -> list[dict[str, object]]:
    """The parts of an `evidence` cell, each with the kind of its source.

    Joined by `; ` they are the sentence again. Text before the first known source has none.
    """
    starts = list(_START.finditer(sentence))
    parts: list[dict[str, object]] = []
    first = starts[0].start() if starts else len(sentence)
    if first:
        parts.append({"source": "", "text": sentence[:first]})
    for number, start in enumerate(starts):
        end = starts[number + 1].start() if number + 1 < len(starts) else len(sentence)
        parts.append({"source": str(start.lastgroup), "text": sentence[start.end() : end]})
    return parts


def reasons_of(note: str) -> list[dict[str, object]]:
    """A `note` cell as one reason without a code of its own."""
    return [{"code": ReasonCode.NOTE.value, "detail": note}] if note else []
