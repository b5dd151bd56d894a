"""What a card says of the heads of a model; docs/reference/bundle.md describes each kind."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from geotagger.vision.bundle.strict_json import JsonObject

CAPTION_NAMES = ("city", "region", "country", "continent")
"""What the template of a caption may name, in braces."""

_NAMES = re.compile(r"\{(" + "|".join(CAPTION_NAMES) + r")\}")


@dataclass(frozen=True, slots=True)
class ClassifyHead:
    """Logits [B, K] over a label table. With `places` false the labels are an attribute."""

    name: str
    output: str
    labels: str
    temperature: float = 1.0
    places: bool = True
    kind: Literal["classify"] = field(default="classify", init=False)


@dataclass(frozen=True, slots=True)
class RetrieveHead:
    """An embedding [B, D] of length 1, matched against a gallery of points."""

    name: str
    output: str
    gallery: str
    points: str
    logit_scale: float
    graph: str = ""
    """ONNX file that makes the embedding of the output; empty where the output is one."""
    encoder: str = ""
    """ONNX file that makes vectors of positions, so that the gallery can be another one."""
    kind: Literal["retrieve"] = field(default="retrieve", init=False)


@dataclass(frozen=True, slots=True)
class CaptionHead:
    """An embedding [B, D] of length 1, matched against captions, each of which names a place."""

    name: str
    output: str
    gallery: str
    labels: str
    logit_scale: float
    text: str = ""
    """ONNX file that makes vectors of captions, so that these can be other ones."""
    tokenizer: str = ""
    templates: tuple[str, ...] = ()
    """What the captions say, for example "A photo in {country}."; a place's vector is their mean.
    """
    kind: Literal["caption"] = field(default="caption", init=False)


@dataclass(frozen=True, slots=True)
class RegressHead:
    """Coordinates [B, 2] in degrees (lat, lon), right to about `sigma_km` on either axis."""

    name: str
    output: str
    sigma_km: float
    kind: Literal["regress"] = field(default="regress", init=False)


Head = ClassifyHead | RetrieveHead | CaptionHead | RegressHead


def fill(template: str, names: Mapping[str, str]) -> str:
    """The caption that a template gives for a place."""
    return _NAMES.sub(lambda found: names.get(found[1], ""), template)


def read_head(entry: JsonObject) -> Head:
    kind = entry.one_of("kind", ("classify", "retrieve", "caption", "regress"))
    name = entry.take("name", str, "a short name", is_name)
    output = entry.take("output", str, "the name of an ONNX output", str.strip)
    head: Head
    if kind == "classify":
        temperature = entry.number("temperature", 1e-3, 1e3)
        places = entry.take("places", bool, "true or false")
        head = ClassifyHead(name, output, _file(entry, "labels"), temperature, places)
    elif kind == "retrieve":
        scale = entry.number("logit_scale", 1e-3, 1e3)
        tables = _file(entry, "gallery"), _file(entry, "points")
        graphs = _optional_file(entry, "graph"), _optional_file(entry, "encoder")
        head = RetrieveHead(name, output, *tables, scale, *graphs)
    elif kind == "caption":
        scale = entry.number("logit_scale", 1e-3, 1e3)
        tables = _file(entry, "gallery"), _file(entry, "labels")
        texts = _optional_file(entry, "text"), _optional_file(entry, "tokenizer")
        head = CaptionHead(name, output, *tables, scale, *texts, _templates(entry))
    else:
        head = RegressHead(name, output, entry.number("sigma_km", 1, 2e4))
    entry.finish()
    return head


def _optional_file(entry: JsonObject, key: str) -> str:
    return entry.optional(key, str, "the plain name of a file in the bundle", is_file_name, "")


def _templates(entry: JsonObject) -> tuple[str, ...]:
    def valid(values: list[object]) -> bool:
        return all(isinstance(v, str) and not re.search("[{}]", _NAMES.sub("", v)) for v in values)

    names = ", ".join(f"{{{name}}}" for name in CAPTION_NAMES)
    found = entry.optional("templates", list, f"a list of texts with {names}", valid, [])
    return tuple(found)


def files_of(head: Head) -> tuple[str, ...]:
    if isinstance(head, ClassifyHead):
        return (head.labels,)
    if isinstance(head, RegressHead):
        return ()
    if isinstance(head, CaptionHead):
        files = (head.gallery, head.labels, head.text, head.tokenizer)
    else:
        files = (head.gallery, head.points, head.graph, head.encoder)
    return tuple(file for file in files if file)


def is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None


def _file(entry: JsonObject, key: str) -> str:
    return entry.take(key, str, "the plain name of a file in the bundle", is_file_name)


def is_file_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", text) is not None
