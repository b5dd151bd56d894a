"""Tiny real bundles: a folder with an ONNX graph of some hundred bytes that ONNX Runtime runs.

Every graph takes the mean colour of the picture (r, g, b from 0 to 1) and multiplies it with a
matrix, so that a test knows what must come out. With the standard heads a red picture is Tokyo, a
green one Berlin, a blue one Rio de Janeiro.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from geotagger.images import InputSpec
from geotagger.places import Places
from geotagger.vision.bundle import (
    CARD_FILE,
    MODEL_FILE,
    Calibration,
    ClassifyHead,
    Head,
    ModelBundle,
    ModelCard,
    Probe,
    RegressHead,
    RetrieveHead,
    hash_files,
    load_bundle,
)

COLOURS = {"Tokyo": (255, 0, 0), "Berlin": (0, 255, 0), "Rio de Janeiro": (0, 0, 255)}
POINTS = ((35.69, 139.69, 3), (52.52, 13.41, 1), (-22.91, -43.17, 2))
LOGITS = 8 * np.eye(3, dtype=np.float32)
LOG_PRIORS = np.log([0.5, 0.3, 0.2])

HEADS: dict[str, Head] = {
    "classify": ClassifyHead("country", "country_logits", "labels.csv"),
    "attribute": ClassifyHead("climate", "climate_logits", "climates.csv", places=False),
    "retrieve": RetrieveHead("gps", "embedding", "gallery.npy", "gallery.csv", 10.0),
    "regress": RegressHead("position", "degrees", 300.0),
}
WEIGHTS: dict[str, NDArray[np.float32]] = {
    "country_logits": LOGITS,
    "climate_logits": LOGITS,
    "embedding": np.eye(3, dtype=np.float32),
    "degrees": np.array(POINTS, np.float32)[:, :2],
}


def make_bundle(folder: Path, *kinds: str, size_px: int = 8, **model: Any) -> ModelBundle:
    """A bundle in a new folder, with one of HEADS for each kind (classify when none is named).

    `model` goes to `make_model`.
    """
    heads = tuple(HEADS[kind] for kind in kinds or ("classify",))
    folder.mkdir(parents=True, exist_ok=True)
    weights = {head.output: WEIGHTS[head.output] for head in heads}
    make_model(folder / MODEL_FILE, weights, size_px, **model)
    write_tables(folder, heads)
    return seal(folder, heads, size_px=size_px, probe=make_probe(weights, size_px))


def make_model(
    file: Path,
    weights: Mapping[str, NDArray[np.float32]],
    size_px: int,
    *,
    most_photos: int = 0,
    external: bool = False,
) -> None:
    """The graph. The output `embedding` gets length 1 (and no numbers at all for a black picture).

    `most_photos`: larger batches than this want more memory than any machine has; 0 for no limit.
    `external`: the weights go to a file of their own.
    """
    node = helper.make_node
    constants = {"axes": np.array([1, 2]), "per_level": np.array(1 / 255, np.float32), **weights}
    constants = {f"{name}.w" if name in weights else name: v for name, v in constants.items()}
    nodes = [
        node("Cast", ["pixels"], ["float"], to=TensorProto.FLOAT),
        node("Mul", ["float", "per_level"], ["unit"]),
        node("ReduceMean", ["unit", "axes"], ["mean"], keepdims=0),
    ]
    if most_photos:
        constants |= {
            "most": np.array([most_photos]),
            "huge": np.array([2**50]),
            "nothing": np.zeros(1, np.float32),
        }
        nodes += [
            node("Shape", ["pixels"], ["photos"], start=0, end=1),
            node("Greater", ["photos", "most"], ["too_many"]),
            node("Cast", ["too_many"], ["one_or_none"], to=TensorProto.INT64),
            node("Mul", ["one_or_none", "huge"], ["wanted"]),
            node("Expand", ["nothing", "wanted"], ["filled"]),
            node("ReduceSum", ["filled"], ["zero"], keepdims=0),
            node("Add", ["mean", "zero"], ["colour"]),
        ]
    else:
        nodes.append(node("Identity", ["mean"], ["colour"]))
    for name in weights:
        if name == "embedding":
            nodes += [
                node("MatMul", ["colour", f"{name}.w"], ["raw"]),
                node("ReduceL2", ["raw", "last"], ["length"], keepdims=1),
                node("Div", ["raw", "length"], [name]),
            ]
            constants["last"] = np.array([1])
        else:
            nodes.append(node("MatMul", ["colour", f"{name}.w"], [name]))
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["B", size_px, size_px, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", matrix.shape[1]])
            for name, matrix in weights.items()
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save_model(
        model,
        file,
        save_as_external_data=external,
        location=f"{file.name}.data" if external else None,
        size_threshold=64,  # the axes must stay in the graph
    )


def make_probe(weights: Mapping[str, NDArray[np.float32]], size_px: int) -> Probe:
    """What the graph must give, worked out without ONNX Runtime."""
    image = np.random.default_rng(7).integers(0, 256, (1, size_px, size_px, 3), np.uint8)
    mean = image[0].mean(axis=(0, 1)) / 255
    values = {name: mean @ matrix for name, matrix in weights.items()}
    if "embedding" in values:
        values["embedding"] /= np.linalg.norm(values["embedding"])
    return Probe(7, {name: tuple(value[:8].tolist()) for name, value in values.items()}, 1e-3)


def write_tables(folder: Path, heads: Sequence[Head]) -> None:
    """The label tables and the gallery that the standard heads name."""
    for head in heads:
        if isinstance(head, RetrieveHead):
            np.save(folder / head.gallery, np.eye(3, dtype=np.float16))
            write_csv(folder / head.points, [("lat", "lon", "count"), *POINTS])
        elif isinstance(head, ClassifyHead) and head.places:
            rows = zip(("JP", "DE", "BR"), LOG_PRIORS, strict=True)
            header = ("label", "scope", "country_code", "log_prior")
            write_csv(folder / head.labels, [header, *((c, "country", c, p) for c, p in rows)])
        elif isinstance(head, ClassifyHead):
            write_csv(folder / head.labels, [("label",), ("humid",), ("oceanic",), ("tropical",)])


def write_csv(file: Path, rows: Sequence[Sequence[object]]) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)


def seal(folder: Path, heads: Sequence[Head], *, size_px: int, probe: Probe) -> ModelBundle:
    """Write the card of a folder as it is, with the hashes of its files."""
    card = ModelCard(
        name="tiny",
        version="1.0",
        licence="CC0-1.0",
        description="Guesses by colour.",
        input=InputSpec(size_px, "crop", "bicubic"),
        heads=tuple(heads),
        calibration=Calibration(weight=0.5, radius_factor=1.5),
        files=hash_files(folder),
        metrics={"test": {"country": 0.5}},
        provenance={"data": "none"},
        probe=probe,
    )
    (folder / CARD_FILE).write_text(card.to_json(), encoding="utf-8")
    return load_bundle(folder)


def picture_of(*colours: tuple[int, int, int], size_px: int = 8) -> NDArray[np.uint8]:
    """Pixels [n, S, S, 3] of pictures in one colour each."""
    pixels = np.empty((len(colours), size_px, size_px, 3), np.uint8)
    pixels[:] = np.array(colours, np.uint8).reshape(-1, 1, 1, 3)
    return pixels


TOWNS = (
    # lat, lon, country, region, continent, city
    (-22.91, -43.17, "BR", "Rio", "South America", "Rio de Janeiro"),
    (-23.55, -46.63, "BR", "Sao Paulo", "South America", "Sao Paulo"),
    (-8.00, -55.00, "BR", "", "South America", ""),
    (52.52, 13.41, "DE", "Berlin", "Europe", "Berlin"),
    (48.14, 11.58, "DE", "Bavaria", "Europe", "Munich"),
    (35.69, 139.69, "JP", "Tokyo", "Asia", "Tokyo"),
    (34.69, 135.50, "JP", "Osaka", "Asia", "Osaka"),
    (-1.29, 36.82, "KE", "Nairobi", "Africa", "Nairobi"),
)


def small_places() -> Places:
    """A places table of eight rows."""
    lat, lon, country, region, continent, city = zip(*TOWNS, strict=True)
    codes = sorted(set(country))
    names = [{"BR": "Brazil", "DE": "Germany", "JP": "Japan", "KE": "Kenya"}[c] for c in codes]
    regions = ["", *(name for name in region if name)]
    continents = sorted(set(continent))

    def text(lines: Sequence[str]) -> NDArray[np.uint8]:
        return np.frombuffer("\n".join(lines).encode(), np.uint8)

    return Places(
        {
            "lat_e5": np.round(np.array(lat) * 1e5).astype(np.int32),
            "lon_e5": np.round(np.array(lon) * 1e5).astype(np.int32),
            "population": np.full(len(lat), 100_000, np.int32),
            "zone": np.zeros(len(lat), np.int16),
            "zone_names": text(["UTC"]),
            "country": np.array([codes.index(c) for c in country], np.int16),
            "region": np.array([regions.index(r) for r in region], np.int32),
            "continent": np.array([continents.index(c) for c in continent], np.int8),
            "country_codes": text(codes),
            "country_names": text(names),
            "region_names": text(regions),
            "continent_names": text(continents),
            "city_names": text(city),
        }
    )
