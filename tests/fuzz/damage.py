"""Damages valid files at random: as bytes, or so that they stay JSON or XML."""

from __future__ import annotations

import json
import random
from xml.etree import ElementTree

WORDS = [
    b'"', b"'", b",", b";", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\\",
    b"\\ud800", b"{", b"}", b"[", b"]", b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999",
    b"9" * 400, b"1e-400", b"-181", b"91", b"[" * 3000, b'{"a":' * 2000, b"\xe2\x80\xae", b"=1+1",
    b"../" * 8, b"coordinates", b"Polygon", b"type", b"\xd9\xa1",
]  # fmt: skip
"""What formats stumble over."""
TEXTS = [
    "", "x", "-0", "1e999", "NaN", "91", "-181", "9" * 400, "48,5", "\u0661", "48.85,2.35,40 1,2",
    "2019-13-45T99:99:99Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
]  # fmt: skip
"""The same as the text of an element."""


def damaged(data: bytes, dice: random.Random) -> bytes:
    """The data with a few cuts, copies, flips and words that formats stumble over."""
    new = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at, size = dice.randrange(len(new) + 1), int(dice.expovariate(1 / 12)) + 1
        match dice.randrange(7):
            case 0:
                del new[at : at + size]
            case 1:
                new[at:at] = dice.randbytes(size)
            case 2:
                new[at:at] = new[dice.randrange(len(new) + 1) :][: 5 * size]
            case 3 if dice.random() < 0.3:
                del new[at:]
            case 4 if new:
                new[at % len(new)] ^= 1 << dice.randrange(8)
            case _:
                word = dice.choice(WORDS)
                new[at : at + dice.choice((0, 1, size))] = word
    return bytes(new)


def altered(data: bytes, dice: random.Random) -> bytes:
    """JSON that stays JSON, with values of other kinds where they do not belong."""
    document = json.loads(data)
    for _ in range(dice.choice((1, 1, 2, 3))):
        _alter(document, dice)
    return json.dumps(document).encode()


def _alter(node: object, dice: random.Random) -> None:
    odd = dice.choice(
        [None, True, -1, 0, 2**63, 10**400, 1e308, "", "x", "\ud800", "..", [], {}, [[]], {"": 1}]
    )
    while isinstance(node, dict | list) and node:
        key = dice.choice(list(node) if isinstance(node, dict) else range(len(node)))
        inner = node[key]  # type: ignore[index,call-overload]
        if not isinstance(inner, dict | list) or not inner or dice.random() < 0.25:
            if dice.random() < 0.2:
                del node[key]  # type: ignore[arg-type]
            else:
                node[key] = odd  # type: ignore[index,call-overload]
            return
        node = inner


def altered_lines(data: bytes, dice: random.Random) -> bytes:
    """The same of one line of several."""
    lines = data.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    try:
        lines[at] = altered(lines[at].lstrip(b","), dice) + b"\n"
    except ValueError:  # GeoJSON begins and ends with lines that are none
        return damaged(data, dice)
    return b"".join(lines)


def altered_xml(data: bytes, dice: random.Random) -> bytes:
    """XML that stays XML: elements are moved, copied, dropped, and hold what they should not."""
    root = ElementTree.fromstring(data)
    for _ in range(dice.choice((1, 1, 2, 4))):
        elements = list(root.iter())
        element, other = dice.choice(elements), dice.choice(elements)
        match dice.randrange(5):
            case 0:
                element.text = dice.choice(TEXTS)
            case 1 if element.attrib:
                element.set(dice.choice(list(element.attrib)), dice.choice(TEXTS))
            case 2 if len(element):
                element.remove(dice.choice(list(element)))
            case 3:
                element.append(ElementTree.fromstring(ElementTree.tostring(other)))
            case _:
                element.tag = other.tag
    return ElementTree.tostring(root)


def changed(suffix: str, data: bytes, dice: random.Random) -> bytes:
    """A damaged copy of a file. Of JSON and XML, half of the copies stay what they are."""
    kind = suffix.rpartition(".")[2]
    if dice.random() < 0.5:
        try:
            if kind == "jsonl" or (kind == "geojson" and dice.random() < 0.5):
                return altered_lines(data, dice)
            if kind in ("json", "geojson"):
                return altered(data, dice)
            if kind in ("gpx", "kml", "xmp"):
                return altered_xml(data, dice)
        except (ValueError, ElementTree.ParseError):  # this one is only damaged bytes
            pass
    return damaged(data, dice)
