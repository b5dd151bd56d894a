"""The tensors of CLIP under the names of transformers, whatever their names in a file are.

OpenCLIP has other names, one tensor for the three projections of attention, and its last
projections are transposed (https://github.com/mlfoundations/open_clip).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from numpy.typing import NDArray

    from geotagger.vision.published.graph_template import TensorSource

TRANSPOSED_SUFFIX = ".T"
"""After the name of a tensor in a file that holds the transposed matrix."""
_TEXT_PREFIX = "text."
"""Of the text tower in some files of OpenCLIP."""
_OPEN_CLIP = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "visual_projection.weight": "visual.proj",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_projection.weight": "text_projection",
}
_OPEN_CLIP_PREFIXES = {
    "vision_model.pre_layrnorm.": "visual.ln_pre.",
    "vision_model.post_layernorm.": "visual.ln_post.",
    "text_model.final_layer_norm.": "ln_final.",
    "vision_model.encoder.layers.": "visual.transformer.resblocks.",
    "text_model.encoder.layers.": "transformer.resblocks.",
}
_OPEN_CLIP_PARTS = {
    ".layer_norm1.": ".ln_1.",
    ".layer_norm2.": ".ln_2.",
    ".mlp.fc1.": ".mlp.c_fc.",
    ".mlp.fc2.": ".mlp.c_proj.",
    ".self_attn.out_proj.": ".attn.out_proj.",
}
_PROJECTION = re.compile(r"\.self_attn\.([qkv])_proj\.")


@dataclass(frozen=True, slots=True)
class TensorPart:
    """Where a tensor is in a file."""

    name: str
    """In the file."""
    third: int | None = None
    """Which third of it, if three projections are one tensor."""
    transposed: bool = False


def find_tensor(name: str, names: Collection[str]) -> TensorPart:
    """Where a tensor of transformers is.

    Args:
        name: its name in transformers.
        names: all names of the file.
    """
    part = _open_clip_part(name, names) if "visual.conv1.weight" in names else TensorPart(name)
    if part.name not in names and part.name + TRANSPOSED_SUFFIX in names:
        return replace(part, name=part.name + TRANSPOSED_SUFFIX, transposed=not part.transposed)
    return part


def _open_clip_part(name: str, names: Collection[str]) -> TensorPart:
    if name in names:
        return TensorPart(name)
    transposed = name in ("visual_projection.weight", "text_projection.weight")
    found = _OPEN_CLIP.get(name, name)
    for prefix, other in _OPEN_CLIP_PREFIXES.items():
        if found.startswith(prefix):
            found = other + found.removeprefix(prefix)
    for part, other in _OPEN_CLIP_PARTS.items():
        found = found.replace(part, other)
    projection = _PROJECTION.search(found)
    found = _PROJECTION.sub(".attn.in_proj_", found)
    if found not in names and _TEXT_PREFIX + found in names:
        found = _TEXT_PREFIX + found
    return TensorPart(found, "qkv".index(projection[1]) if projection else None, transposed)


class RenamedTensors:
    """A `TensorSource` under the names of transformers."""

    def __init__(self, tensors: TensorSource, added: Mapping[str, NDArray[Any]]) -> None:
        """
        Args:
            tensors: under the names of a file.
            added: further tensors.
        """
        self._tensors, self._added = tensors, added
        self._names = frozenset(tensors)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def read(self, name: str) -> NDArray[Any]:
        """A tensor.

        Raises:
            KeyError: there is none of this name.
        """
        if name in self._added:
            return self._added[name]
        part = find_tensor(name, self._names)
        if part.name not in self._names:
            raise KeyError(name)
        values = self._tensors.read(part.name)
        values = values.T if part.transposed else values
        if part.third is None:
            return values
        rows = len(values) // 3
        return values[part.third * rows : (part.third + 1) * rows]
