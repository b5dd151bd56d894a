"""The architecture of image and text towers, as the configuration of a checkpoint states it.

Two forms are read: config.json of transformers (CLIP and SigLIP), which leaves out values that are
the defaults of transformers, and open_clip_config.json of OpenCLIP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEGACY_END_TOKEN = 2
"""The end token in old configurations of CLIP; it means the last token of the vocabulary."""
_OPEN_CLIP_HEAD_WIDTH = 64


class TowerArchitecture(Struct, frozen=True, forbid_unknown_fields=True):
    """The architecture of one tower: two towers with equal values have the same graph."""

    family: Literal["clip", "siglip"]
    side: Literal["image", "text"]
    layers: int
    width: int
    mlp_width: int
    heads: int
    activation: str
    """As transformers names it."""
    norm_epsilon: float
    dimensions: int
    """The size of the vectors."""
    size_px: int = 0
    patch_px: int = 0
    """Of an image tower, as is `size_px`."""
    vocabulary: int = 0
    length: int = 0
    """Tokens of a caption, with padding."""
    end_token: int = 0
    """CLIP takes the vector at this token. These three are of a text tower."""

    @property
    def name(self) -> str:
        """A short name, which differs between all towers that have a graph."""
        base = f"{self.family}-{self.side}-{self.layers}x{self.width}"
        if self.side == "image":
            return f"{base}-patch{self.patch_px}-{self.size_px}-{self.activation}"
        return f"{base}-{self.vocabulary}x{self.length}-{self.activation}"


class TowerPair(NamedTuple):
    """The towers of a checkpoint."""

    image: TowerArchitecture
    text: TowerArchitecture


def read_towers(config: Mapping[str, Any], source: str) -> TowerPair:
    """The towers of a checkpoint.

    Args:
        config: the content of config.json or open_clip_config.json.
        source: the checkpoint, for messages.

    Raises:
        UsageError: it is neither CLIP nor SigLIP, or a value is invalid.
    """
    try:
        if "model_cfg" in config:
            return _open_clip(config["model_cfg"], source)
        family = config.get("model_type")
        if family not in ("clip", "siglip"):
            raise UsageError(
                f"{source}: its configuration states the model {family!r}; clip and siglip are "
                "known"
            )
        image, text = config.get("vision_config") or {}, config.get("text_config") or {}
        towers = _clip(config, image, text) if family == "clip" else _siglip(image, text)
        # a wrong type in the configuration must not reach the comparison with our graphs
        return TowerPair(
            *(msgspec.convert(msgspec.to_builtins(one), TowerArchitecture) for one in towers)
        )
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UsageError(
            f"{source}: its configuration cannot be read ({error!r}); fetch it again"
        ) from error


_TRANSFORMERS_NAMES = {
    "layers": "num_hidden_layers",
    "width": "hidden_size",
    "mlp_width": "intermediate_size",
    "heads": "num_attention_heads",
    "activation": "hidden_act",
    "norm_epsilon": "layer_norm_eps",
    "size_px": "image_size",
    "patch_px": "patch_size",
    "vocabulary": "vocab_size",
}
"""Our name of a value -> its name in config.json."""


def _stated(config: Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """The values of a tower: those of the configuration, else the defaults of transformers."""
    return {
        name: config.get(_TRANSFORMERS_NAMES[name], default) for name, default in defaults.items()
    }


def _clip(
    config: Mapping[str, Any], image: Mapping[str, Any], text: Mapping[str, Any]
) -> TowerPair:
    shared = {"activation": "quick_gelu", "norm_epsilon": 1e-5, "layers": 12}
    image_values = _stated(
        image, **shared, width=768, mlp_width=3072, heads=12, size_px=224, patch_px=32
    )
    text_values = _stated(text, **shared, width=512, mlp_width=2048, heads=8, vocabulary=49408)
    dimensions = config.get("projection_dim", 512)
    end_token = text.get("eos_token_id", 49407)
    return TowerPair(
        TowerArchitecture(family="clip", side="image", dimensions=dimensions, **image_values),
        TowerArchitecture(
            family="clip",
            side="text",
            dimensions=dimensions,
            length=min(text.get("max_position_embeddings", 77), 77),
            end_token=(
                text_values["vocabulary"] - 1 if end_token == _LEGACY_END_TOKEN else end_token
            ),
            **text_values,
        ),
    )


def _siglip(image: Mapping[str, Any], text: Mapping[str, Any]) -> TowerPair:
    shared = {"activation": "gelu_pytorch_tanh", "norm_epsilon": 1e-6, "layers": 12, "width": 768}
    shared |= {"mlp_width": 3072, "heads": 12}
    image_values = _stated(image, **shared, size_px=224, patch_px=16)
    text_values = _stated(text, **shared, vocabulary=32000)
    return TowerPair(
        TowerArchitecture(
            family="siglip", side="image", dimensions=image_values["width"], **image_values
        ),
        TowerArchitecture(
            family="siglip",
            side="text",
            dimensions=text.get("projection_size") or text_values["width"],
            length=min(text.get("max_position_embeddings", 64), 77),
            **text_values,
        ),
    )


def _open_clip(config: Mapping[str, Any], source: str) -> TowerPair:
    image, text = config["vision_cfg"], config["text_cfg"]
    if "timm_model_name" in image:
        raise UsageError(
            f"{source}: the image tower is from timm ({image['timm_model_name']}); take the same "
            "weights in the form of transformers"
        )
    activation = "quick_gelu" if config.get("quick_gelu") else "gelu"
    vocabulary = text.get("vocab_size", 49408)
    common = {
        "family": "clip",
        "activation": activation,
        "norm_epsilon": 1e-5,
        "dimensions": config["embed_dim"],
    }
    image_width, text_width = image.get("width", 768), text.get("width", 512)
    return TowerPair(
        msgspec.convert(
            common
            | {
                "side": "image",
                "layers": image.get("layers", 12),
                "width": image_width,
                "mlp_width": int(image_width * image.get("mlp_ratio", 4.0)),
                "heads": image_width // image.get("head_width", _OPEN_CLIP_HEAD_WIDTH),
                "size_px": image.get("image_size", 224),
                "patch_px": image.get("patch_size", 16),
            },
            TowerArchitecture,
        ),
        msgspec.convert(
            common
            | {
                "side": "text",
                "layers": text.get("layers", 12),
                "width": text_width,
                "mlp_width": int(text_width * text.get("mlp_ratio", 4.0)),
                "heads": text.get("heads", 8),
                "vocabulary": vocabulary,
                "length": text.get("context_length", 77),
                "end_token": vocabulary - 1,
            },
            TowerArchitecture,
        ),
    )
