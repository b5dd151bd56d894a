"""The contents of a checkpoint of CLIP or SigLIP, under the names of transformers."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import BundleError, UsageError
from geotagger.images.decode import InputSpec
from geotagger.vision.published.architecture import read_towers
from geotagger.vision.published.graph_template import (
    PIXEL_DEVIATION,
    PIXEL_MEAN,
    pixel_tensors,
    tower_template,
)
from geotagger.vision.published.page import WeightsOrigin
from geotagger.vision.published.tensor_names import RenamedTensors, find_tensor

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from geotagger.vision.published.architecture import TowerPair
    from geotagger.vision.published.graph_template import TensorSource

LOGIT_SCALE = "logit_scale"
_FILTERS = {1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers, as processors have them."""
_MISREAD = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError)
"""Raised for a value of another kind."""
_MAX_LOG_SCALE = 80.0
"""No float32 holds the power of a larger one."""
_CLIP_PIXELS = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
_SIGLIP_PIXELS = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and deviation of red, green and blue, where the processor states none."""
_PAD_TOKENS = {"clip": "<|endoftext|>", "siglip": "</s>"}
"""Where the tokenizer states none."""


@dataclass(frozen=True, slots=True)
class Checkpoint(WeightsOrigin):
    """A published model."""

    tensors: TensorSource
    """Under the names of the file."""
    config: Mapping[str, Any]
    """The content of config.json, or of open_clip_config.json."""
    processor: Mapping[str, Any] = field(default_factory=dict)
    """Of preprocessor_config.json; open_clip_config.json has it, too."""
    tokenizer: bytes = b""
    """Of tokenizer.json; empty if there is none."""
    tokenizer_config: Mapping[str, Any] = field(default_factory=dict)
    """Of tokenizer_config.json."""

    @property
    def towers(self) -> TowerPair:
        """The architecture. Raises as `read_towers` does."""
        return read_towers(self.config, self.name)

    @property
    def input_spec(self) -> InputSpec:
        """How photos enter the image tower.

        Raises:
            UsageError: no InputSpec describes the processor.
        """
        with _refusing(self.name, "processor"):
            processor = self._processor
        spec = read_input(processor, self.towers.image.family, self.name)
        if spec.size_px != self.towers.image.size_px:
            raise UsageError(
                f"{self.name}: its processor makes pictures of {spec.size_px} px, its tower takes "
                f"{self.towers.image.size_px}; correct preprocessor_config.json"
            )
        return spec

    @property
    def logit_scale(self) -> float:
        """The factor of the cosines.

        Raises:
            UsageError: it is not one number, or too large.
        """
        with _refusing(self.name, "scale of cosines"):
            log_scale = np.float64(self.renamed.read(LOGIT_SCALE).item())
            if not abs(log_scale) < _MAX_LOG_SCALE:
                raise ValueError(log_scale)
        return float(np.float32(np.exp(log_scale)))

    @property
    def renamed(self) -> RenamedTensors:
        """The tensors under the names of transformers, and those that the processor adds.

        Raises:
            UsageError: the processor states no mean and deviation of three colours.
        """
        mean, deviation = _CLIP_PIXELS if self.towers.image.family == "clip" else _SIGLIP_PIXELS
        with _refusing(self.name, "processor"):
            own = self._processor
            pixels = pixel_tensors(own.get("image_mean", mean), own.get("image_std", deviation))
        return RenamedTensors(self.tensors, pixels)

    @property
    def _processor(self) -> Mapping[str, Any]:
        if "preprocess_cfg" not in self.config:
            return self.processor
        own = self.config["preprocess_cfg"]
        size = own.get("size", self.towers.image.size_px)
        side = size[-1] if isinstance(size, list) else size
        is_square = own.get("resize_mode", "shortest") == "squash"
        return {
            "image_mean": own.get("mean", _CLIP_PIXELS[0]),
            "image_std": own.get("std", _CLIP_PIXELS[1]),
            "resample": {name: number for number, name in _FILTERS.items()}.get(
                own.get("interpolation", "bicubic")
            ),
            "do_center_crop": not is_square,
            "size": {"height": side, "width": side} if is_square else {"shortest_edge": side},
            "crop_size": side,
        }

    def write_tokenizer(self, file: Path) -> None:
        """Writes tokenizer.json, which pads and truncates captions to the length of the tower.

        Raises:
            BundleError: the package `tokenizers` is missing, or there is no readable tokenizer.
        """
        try:
            from tokenizers import Tokenizer, normalizers
        except ImportError as error:
            raise BundleError(
                "captions need the package tokenizers: pip install tokenizers"
            ) from error
        text = self.towers.text
        pad = self.tokenizer_config.get("pad_token") or _PAD_TOKENS[text.family]
        pad = str(pad.get("content", "")) if isinstance(pad, dict) else pad
        try:
            tokenizer = Tokenizer.from_buffer(self.tokenizer)
            pad_id = tokenizer.token_to_id(pad)
        except Exception as error:  # tokenizers raises Exception itself
            raise BundleError(
                f"{self.name}: has no readable tokenizer.json ({error}); captions need one"
            ) from error
        if pad_id is None:
            raise BundleError(f"{self.name}: its tokenizer does not know its padding {pad!r}")
        if text.family == "siglip":  # it was trained on small letters
            own = [tokenizer.normalizer] if tokenizer.normalizer else []
            tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
        tokenizer.enable_truncation(text.length)
        tokenizer.enable_padding(length=text.length, pad_id=pad_id, pad_token=pad)
        tokenizer.save(str(file))


def needed_tensors(
    config: Mapping[str, Any], names: Collection[str], with_text: bool, source: str
) -> set[str]:
    """The tensors of a file of weights that a bundle is made of.

    Args:
        config: the content of config.json or open_clip_config.json.
        names: the names of all tensors of the file.
        with_text: whether the text tower is needed.
        source: the checkpoint, for messages.

    Returns:
        Names, as the file has them.

    Raises:
        UsageError: there is no graph for such a model, or the file lacks a tensor.
    """
    towers = read_towers(config, source)
    needed = tower_template(towers.image, "fp32").tensors - {PIXEL_MEAN, PIXEL_DEVIATION}
    if with_text:
        needed |= {*tower_template(towers.text, "fp32").tensors, LOGIT_SCALE}
    found = {find_tensor(name, names) for name in needed}
    missing = sorted({part.name for part in found} - set(names))
    if missing:
        raise UsageError(
            f"{source}: lacks {len(missing)} tensors that its configuration promises, such as "
            f"{missing[0]}; take another checkpoint"
        )
    return {part.name for part in found}


def read_input(processor: Mapping[str, Any], family: str, source: str) -> InputSpec:
    """The input that an image processor of transformers makes of a photo.

    Args:
        processor: the content of preprocessor_config.json.
        family: clip or siglip, whose processors have other defaults.
        source: the checkpoint, for messages.

    Raises:
        UsageError: no InputSpec describes it.
    """
    with _refusing(source, "processor"):
        is_cropped = bool(processor.get("do_center_crop", family == "clip"))
        size = processor.get("size", 224)
        if isinstance(size, int):
            size = {"shortest_edge": size} if is_cropped else {"height": size, "width": size}
        crop = processor.get("crop_size", 224)
        crop = {"height": crop, "width": crop} if isinstance(crop, int) else crop
        method = _FILTERS.get(int(processor.get("resample", 3)))
        side = size.get("shortest_edge") or size.get("height")
        if is_cropped:
            fits = size.get("shortest_edge") == crop.get("height") == crop.get("width")
        else:
            fits = size.get("height") == size.get("width") == side
    if method is None or not fits or not side:
        raise UsageError(f"{source}: its processor ({size}) cannot be the input of a bundle")
    return InputSpec(side, "clip" if is_cropped else "squash", method)  # type: ignore[arg-type]


@contextmanager
def _refusing(source: str, part: str) -> Iterator[None]:
    """Refuses a part of a checkpoint whose values are of other kinds."""
    try:
        yield
    except _MISREAD as error:
        raise UsageError(
            f"{source}: its {part} cannot be read ({error!r}); fetch it again"
        ) from error
