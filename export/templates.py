"""Makes the graphs without weights in geotagger/data/graphs/: python -m export.templates [NAME...]

NAME is a tower, in all its precisions, or one of them (NAME-int8).

Each graph is exported as that of a published model is, from a network with random weights. An
initializer that equals a form of one tensor becomes an entry of the table of weights. What is left
in the graph may only be single numbers, shapes and masks: so no weight can stay in it.
"""

from __future__ import annotations

import gc
import math
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec
import numpy as np
import onnx
import torch
from msgspec import structs
from onnx import TensorProto, numpy_helper
from torch import nn

from export.graph.graphs import strip
from export.graph.precision import WAYS, store_half
from export.published.geoclip import ImageHead, save_location
from export.published.tower import (
    ImageTowerModule,
    fuse,
    save_graph,
    save_image_tower,
    save_text_graph,
)
from geotagger.vision.bundle.card import MODEL_FILE
from geotagger.vision.published.architecture import TowerArchitecture
from geotagger.vision.published.bundle import FEATURES
from geotagger.vision.published.graph_template import (
    GEOCLIP_HEAD,
    GEOCLIP_LOCATION,
    GRAPH_FILE,
    WEIGHTS_FILE,
    GraphTemplate,
    Weight,
    WeightTable,
    pixel_tensors,
)
from training.models.location_encoder import RandomFourierLocationEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

Templates = dict[str, "GraphTemplate"]
"""By name."""

FOLDER = Path(__file__).resolve().parents[1] / "geotagger" / "data" / "graphs"
ALIGNMENT_BYTES = 4096
"""Of large tensors in the external file, so that they can be mapped."""
MIN_ALIGNED_BYTES = 1 << 16
MAX_LEFT_VALUES = 8192
"""Larger constants would be weights that no rule describes."""
SEED = 1
KEY_VALUES = 8
PRECISIONS = {"image": ("fp32", "fp16", "int8"), "text": ("fp32", "fp16")}
"""Text towers are never int8; see export/published/bundle.py."""
FORMS = {
    "float32": TensorProto.FLOAT,
    "float16": TensorProto.FLOAT16,
    "int8": TensorProto.INT8,
    "int8_scale": TensorProto.INT8,
}
"""The form of a weight -> the type of ONNX that a graph must have for it."""


def _clip_image(
    patch_px: int, size_px: int, activation: str, large: bool = False
) -> TowerArchitecture:
    return TowerArchitecture(
        family="clip", side="image",
        layers=24 if large else 12, width=1024 if large else 768,
        mlp_width=4096 if large else 3072, heads=16 if large else 12,
        activation=activation, norm_epsilon=1e-5, dimensions=768 if large else 512,
        size_px=size_px, patch_px=patch_px,
    )  # fmt: skip


def _clip_text(activation: str, large: bool = False) -> TowerArchitecture:
    width = 768 if large else 512
    return TowerArchitecture(
        family="clip", side="text", layers=12, width=width, mlp_width=4 * width,
        heads=width // 64, activation=activation, norm_epsilon=1e-5, dimensions=width,
        vocabulary=49408, length=77, end_token=49407,
    )  # fmt: skip


def _siglip(side: str, **sizes: int) -> TowerArchitecture:
    return TowerArchitecture(
        family="siglip", side=side, layers=12, width=768, mlp_width=3072, heads=12,
        activation="gelu_pytorch_tanh", norm_epsilon=1e-6, dimensions=768, **sizes,
    )  # fmt: skip


ACTIVATIONS = ("quick_gelu", "gelu")
"""Of OpenAI's weights, and of others."""
TOWERS = (
    *(
        tower
        for activation in ACTIVATIONS
        for tower in (
            _clip_image(32, 224, activation),
            _clip_image(16, 224, activation),
            _clip_image(14, 224, activation, large=True),
            _clip_text(activation),
            _clip_text(activation, large=True),
        )
    ),
    _clip_image(14, 336, "quick_gelu", large=True),
    *(_siglip("image", size_px=size_px, patch_px=16) for size_px in (224, 256, 384)),
    _siglip("text", vocabulary=32_000, length=64),
    _siglip("text", vocabulary=256_000, length=64),  # SigLIP 2
)


@dataclass(frozen=True, slots=True)
class RandomNetwork:
    """A network with random weights, and its tensors under the names of a checkpoint."""

    model: Any
    tensors: Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class RandomGraph:
    """An exported graph with random weights."""

    name: str
    """Of its template."""
    file: Path
    tensors: Mapping[str, NDArray[np.float32]]
    """What it was made of."""
    data_file: str
    """The file that will hold the weights in a bundle."""
    tower: TowerArchitecture | None = None
    """None for GeoCLIP's own layers."""


def tower_config(tower: TowerArchitecture) -> Any:
    """Returns the configuration of a checkpoint that has this tower. Its other tower is as small as
    possible."""
    from transformers import CLIPConfig, SiglipConfig

    own = {
        "num_hidden_layers": tower.layers, "hidden_size": tower.width,
        "intermediate_size": tower.mlp_width, "num_attention_heads": tower.heads,
        "hidden_act": tower.activation, "layer_norm_eps": tower.norm_epsilon,
    }  # fmt: skip
    other = {"num_hidden_layers": 1, "hidden_size": 16, "intermediate_size": 16,
             "num_attention_heads": 1}  # fmt: skip
    if tower.side == "image":
        image = own | {"image_size": tower.size_px, "patch_size": tower.patch_px}
        text = other | {"vocab_size": 100}
    else:
        image = other | {"image_size": 32, "patch_size": 32}
        text = own | {"vocab_size": tower.vocabulary, "max_position_embeddings": tower.length}
    text |= {"eos_token_id": tower.end_token or 1, "bos_token_id": 0, "pad_token_id": 0}
    if tower.family == "clip":
        return CLIPConfig(projection_dim=tower.dimensions, text_config=text, vision_config=image)
    text["projection_size"] = tower.dimensions if tower.side == "text" else 16
    return SiglipConfig(text_config=text, vision_config=image)


def random_network(tower: TowerArchitecture, seed: int) -> RandomNetwork:
    """Makes a checkpoint that has this tower."""
    from transformers import AutoModel
    from transformers.initialization import no_init_weights

    with no_init_weights():
        model = AutoModel.from_config(tower_config(tower), attn_implementation="eager").eval()
    return RandomNetwork(model, _randomise(model, seed))


def _randomise(network: nn.Module, seed: int) -> dict[str, NDArray[np.float32]]:
    """Gives all tensors values that occur once. Returns them; they share memory."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, tensor in network.state_dict().items():
        if tensor.dtype == torch.float32:
            tensors[name] = tensor.normal_(0, 0.05, generator=generator).numpy()
    return tensors


@dataclass(frozen=True, slots=True)
class RandomPixels:
    """Mean and deviation of pixels, as an image processor has them."""

    image_mean: list[float]
    image_std: list[float]

    @classmethod
    def make(cls, seed: int) -> RandomPixels:
        """Makes some."""
        return cls(*np.random.default_rng(seed).uniform(0.2, 0.8, (2, 3)).tolist())

    @property
    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """They enter the graph as weights."""
        return pixel_tensors(self.image_mean, self.image_std)


def tower_graphs(
    tower: TowerArchitecture, seed: int, work: Path, precisions: Sequence[str] = ()
) -> Iterator[RandomGraph]:
    """Exports a tower with random weights, as that of a published model, in these precisions.

    The file of one is written over by the next.
    """
    network = random_network(tower, seed)
    full, fused, file = (work / f"{name}.onnx" for name in ("full", "fused", "graph"))
    if tower.side == "text":
        prefixes, data_file = ("text_",), "text.onnx.data"
        tensors = network.tensors
        save_text_graph(network.model, tower.length, tower.end_token or 1, full)
        ready = full
    else:
        prefixes, data_file = ("vision_", "visual_", "pixel_"), f"{MODEL_FILE}.data"
        pixels = RandomPixels.make(seed)
        tensors = {**network.tensors, **pixels.tensors}
        save_image_tower(ImageTowerModule(network.model, pixels), tower.size_px, full)
        if set(precisions) != {"int8"}:
            fuse(full, fused, network.model.config)
        ready = fused
    tensors = {name: one for name, one in tensors.items() if name.startswith(prefixes)}
    gc.collect()  # the exporter leaves copies of the weights
    for precision in precisions or PRECISIONS[tower.side]:
        if precision == "int8":
            WAYS["dynamic"].quantise(full, file, np.empty(0, np.uint8))
        elif precision == "fp16":
            store_half(ready, file)
        else:
            shutil.copyfile(ready, file)
        strip(file, properties=False)
        yield RandomGraph(f"{tower.name}-{precision}", file, tensors, data_file, tower)


def geoclip_graphs(seed: int, work: Path) -> Iterator[RandomGraph]:
    """Exports GeoCLIP's own layers with random weights."""
    file = work / "graph.onnx"
    mlp = nn.Sequential(nn.Linear(768, 768), nn.ReLU(), nn.Linear(768, 512))
    tensors = {f"mlp.{name}": one for name, one in _randomise(mlp, seed).items()}
    save_graph(ImageHead(mlp), torch.zeros(2, 768), file, FEATURES, ["vectors"])
    strip(file, properties=False)
    yield RandomGraph(GEOCLIP_HEAD, file, tensors, "gps.onnx.data")
    location = RandomFourierLocationEncoder()
    tensors = {f"location.{name}": one for name, one in _randomise(location, seed).items()}
    save_location(location, file, "published weights of GeoCLIP")
    yield RandomGraph(GEOCLIP_LOCATION, file, tensors, "location.onnx.data")


def make_template(graph: RandomGraph) -> GraphTemplate:
    """Takes the weights out of a graph.

    Raises:
        ValueError: an initializer that may depend on the weights is no known form of a tensor.
    """
    model = onnx.load(graph.file)
    forms = _forms(graph.tensors, {one.data_type for one in model.graph.initializer})
    weights: list[Weight] = []
    end = 0
    for initializer in model.graph.initializer:
        values = numpy_helper.to_array(initializer)
        weight = forms.get(_key(values, values.nbytes))
        if weight is None:
            _check_constant(initializer.name, values)
            continue
        _check_equal(initializer.name, values, weight, graph.tensors[weight.tensor])
        step = ALIGNMENT_BYTES if values.nbytes >= MIN_ALIGNED_BYTES else values.itemsize
        offset = math.ceil(end / step) * step
        weights.append(structs.replace(weight, offset=offset))
        _make_external(initializer, graph.data_file, offset, values.nbytes)
        end = offset + values.nbytes
    del model.graph.value_info[:]  # ONNX Runtime finds the shapes itself
    table = WeightTable(tuple(weights), graph.data_file, graph.tower)
    return GraphTemplate(model.SerializeToString(deterministic=True), table)


def _check_constant(name: str, values: NDArray[Any]) -> None:
    """Constants of these graphs are single numbers, shapes, masks, and zero points that are 0."""
    is_float = values.dtype in (np.float32, np.float16) and values.size > 1
    if is_float or values.size > MAX_LEFT_VALUES or (values.dtype == np.int8 and values.any()):
        raise ValueError(f"{name} {values.dtype} {values.shape} is no form of a tensor")


def _check_equal(name: str, values: NDArray[Any], weight: Weight, tensor: NDArray[Any]) -> None:
    flat, start = values.reshape(-1), 0
    for block in weight.blocks(tensor):
        stop = start + block.size
        if not np.array_equal(flat[start:stop], block.reshape(-1)):
            raise ValueError(f"{name} differs from {weight.tensor}")
        start = stop


def _make_external(initializer: TensorProto, data_file: str, offset: int, length: int) -> None:
    for field in ("raw_data", "float_data", "int32_data"):
        initializer.ClearField(field)
    initializer.data_location = TensorProto.EXTERNAL
    for key, value in (("location", data_file), ("offset", offset), ("length", length)):
        entry = initializer.external_data.add()
        entry.key, entry.value = key, str(value)


def _forms(
    tensors: Mapping[str, NDArray[np.float32]], types: Collection[int]
) -> dict[tuple[str, int, bytes], Weight]:
    """Returns every form in which a graph may hold a tensor, by its key.

    Args:
        tensors: Name -> values.
        types: The types of ONNX that occur in the graph.
    """
    found: dict[tuple[str, int, bytes], Weight] = {}
    for name, tensor in tensors.items():
        for form, transposed, rows in product(FORMS, (False, True), _parts(name, tensor)):
            can_be_int8 = tensor.ndim == 2 and transposed
            if FORMS[form] in types and (not form.startswith("int8") or can_be_int8):
                weight = Weight(name, tensor.shape, form, 0, rows, transposed)
                first = next(weight.blocks(tensor))
                shape = (rows[1] - rows[0], *tensor.shape[1:]) if rows else tensor.shape
                count = shape[0] if form == "int8_scale" else math.prod(shape)
                found.setdefault(_key(first, count * first.itemsize), weight)
    return found


def _key(values: NDArray[Any], size_bytes: int) -> tuple[str, int, bytes]:
    """Type, size and first values: no two random tensors have the same."""
    return values.dtype.name, size_bytes, values.reshape(-1)[:KEY_VALUES].tobytes()


def _parts(name: str, tensor: NDArray[Any]) -> list[tuple[int, int] | None]:
    """The whole tensor, and of the joined projections of attention: queries; keys and values."""
    if ".in_proj_" not in name:
        return [None]
    third = len(tensor) // 3
    return [None, (0, third), (third, len(tensor))]


def write_template(template: GraphTemplate, file: Path) -> None:
    """Writes the archive; equal templates give equal files."""
    table = msgspec.json.encode(template.table)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in ((GRAPH_FILE, template.graph), (WEIGHTS_FILE, table)):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)


def make_templates(graphs: Callable[[int, Path], Iterator[RandomGraph]]) -> Templates:
    """Makes templates of the graphs that a function exports for a seed in a folder.

    Raises:
        ValueError: see `make_template`.
    """
    with tempfile.TemporaryDirectory() as work:
        return {one.name: make_template(one) for one in graphs(SEED, Path(work))}


@click.command(help=__doc__)
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    makers: dict[str, Callable[[int, Path], Iterator[RandomGraph]]] = {
        tower.name: partial(tower_graphs, tower) for tower in TOWERS
    }
    for tower in TOWERS:
        for precision in PRECISIONS[tower.side]:
            one = partial(tower_graphs, tower, precisions=(precision,))
            makers[f"{tower.name}-{precision}"] = one
    makers["geoclip"] = geoclip_graphs
    FOLDER.mkdir(exist_ok=True)
    for name in names or (*(tower.name for tower in TOWERS), "geoclip"):
        for file_name, template in make_templates(makers[name]).items():
            file = FOLDER / f"{file_name}.zip"
            write_template(template, file)
            click.echo(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
