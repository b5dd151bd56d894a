"""The heads of a model, as card.json describes them; docs/reference/bundle.md documents each kind.

msgspec decodes them: an unknown key, a missing key and a value out of range are errors.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta, Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

CAPTION_FIELDS = ("city", "region", "country", "continent")
"""The names that a caption template may hold in braces."""

NAME_PATTERN = r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"
FILE_NAME_PATTERN = r"\A[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z"
NOT_BLANK_PATTERN = r"\S"
TEMPLATE_PATTERN = rf"\A([^{{}}]|\{{({'|'.join(CAPTION_FIELDS)})\}})*\Z"

Name = Annotated[str, Meta(pattern=NAME_PATTERN)]
FileName = Annotated[str, Meta(pattern=FILE_NAME_PATTERN)]
"""The plain name of a file in the bundle: it cannot lead out of the folder."""
NotBlank = Annotated[str, Meta(pattern=NOT_BLANK_PATTERN)]
Scale = Annotated[float, Meta(ge=1e-3, le=1e3)]
Template = Annotated[str, Meta(pattern=TEMPLATE_PATTERN)]


class HeadSpec(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """What the heads of all kinds have. B is the batch size in the shapes below."""

    name: Name
    output: NotBlank
    """The ONNX output that the head decodes."""

    @property
    def kind(self) -> str:
        """The kind as the card calls it, for example `classify`."""
        return str(self.__struct_config__.tag)

    @property
    def files(self) -> tuple[str, ...]:
        """The files of the bundle that the head needs."""
        return ()


class ClassifyHead(HeadSpec, frozen=True, tag="classify"):
    """Logits [B, K] over the K rows of a label table."""

    labels: FileName
    temperature: Scale
    places: bool
    """False: the labels are an attribute, such as the climate, and not places."""

    @property
    def files(self) -> tuple[str, ...]:
        """The label table."""
        return (self.labels,)


class RetrieveHead(HeadSpec, frozen=True, tag="retrieve"):
    """An embedding [B, D] of length 1, matched against a gallery of points (GeoCLIP's method)."""

    gallery: FileName
    points: FileName
    logit_scale: Scale
    graph: FileName = ""
    """ONNX file that turns the output into the embedding; empty if the output is the embedding."""
    encoder: FileName = ""
    """ONNX file that embeds positions, so that another gallery can be used."""

    @property
    def files(self) -> tuple[str, ...]:
        """The gallery, and the optional graphs if the card names them."""
        return tuple(filter(None, (self.gallery, self.points, self.graph, self.encoder)))


class CaptionHead(HeadSpec, frozen=True, tag="caption"):
    """An embedding [B, D] of length 1, matched against captions, each of which names a place."""

    gallery: FileName
    labels: FileName
    logit_scale: Scale
    text: FileName = ""
    """ONNX file that embeds captions, so that other captions can be used."""
    tokenizer: FileName = ""
    templates: tuple[Template, ...] = ()
    """Texts such as "A photo in {country}."; the vector of a place is the mean over them."""

    @property
    def files(self) -> tuple[str, ...]:
        """The captions, and the optional text encoder if the card names it."""
        return tuple(filter(None, (self.gallery, self.labels, self.text, self.tokenizer)))


class RegressHead(HeadSpec, frozen=True, tag="regress"):
    """Coordinates [B, 2] in degrees: latitude, longitude."""

    sigma_km: Annotated[float, Meta(ge=1, le=2e4)]
    """The typical error on either axis."""


class SightHead(HeadSpec, frozen=True, tag="sights"):
    """An embedding [B, D] of length 1, matched against embeddings of photos with known place.

    Unlike the other heads it may say nothing: `none_logit` is the logit of "no known sight".
    """

    gallery: FileName
    sights: FileName
    scale: Scale
    """Multiplies the cosines."""
    none_logit: Annotated[float, Meta(ge=-1e3, le=1e3)]
    """What no match of chance likeness exceeds; in the units of the scaled cosines."""
    min_probability: Annotated[float, Meta(ge=0, le=1)]
    """The head says nothing if its best place is less likely than this."""

    @property
    def files(self) -> tuple[str, ...]:
        """The embeddings, and the table of the photos."""
        return (self.gallery, self.sights)


PlaceHead = ClassifyHead | RetrieveHead | CaptionHead | RegressHead
"""The heads whose evidence adds up."""
Head = PlaceHead | SightHead

_FIELDS = re.compile(r"\{(" + "|".join(CAPTION_FIELDS) + r")\}")


def fill_template(template: str, names: Mapping[str, str]) -> str:
    """The caption of one place: each `{city}`, `{country}`, ... becomes its name, or nothing."""
    return _FIELDS.sub(lambda field: names.get(field[1], ""), template)


def is_name(text: str) -> bool:
    """Whether a text may be the name of a model or of a head."""
    return re.search(NAME_PATTERN, text) is not None
