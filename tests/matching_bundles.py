"""Tiny bundles that match: captions with a text tower, positions with a location encoder.

As in bundles.py a picture's vector is its mean colour. A caption's is the mean of its words', where
`Japan` and `Tokyo` are red, `Germany` green, `Brazil` blue; the other words say nothing. A
position's is a colour too: red far north, blue far south, green between.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from bundles import WEIGHTS, make_model, make_probe, seal, write_csv
from onnx import TensorProto, helper, numpy_helper

from geotagger.vision.bundle import MODEL_FILE, CaptionHead, ModelBundle, RetrieveHead

WORDS = {"[pad]": 0, "[other]": 1, "japan": 2, "germany": 3, "brazil": 4, "munich": 5, "tokyo": 6}
VECTORS = np.array(
    [[0, 0, 0], [0.01, 0.01, 0.01], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.3, 1, 0], [1, 0, 0]],
    np.float32,
)
COUNTRIES = CaptionHead(
    "countries",
    "embedding",
    "countries.npy",
    "countries.csv",
    20.0,
    "text.onnx",
    "tokenizer.json",
    ("a photo in {country}", "{country}"),
)
CITIES = replace(
    COUNTRIES,
    name="cities",
    gallery="cities.npy",
    labels="cities.csv",
    templates=("a photo from {city}",),
)
GPS = RetrieveHead("gps", "embedding", "gallery.npy", "gallery.csv", 10.0, encoder="location.onnx")


def caption_bundle(folder: Path, size_px: int = 8) -> ModelBundle:
    """Countries JP, DE, BR, and two cities each of JP and DE, one of BR."""
    folder.mkdir(parents=True, exist_ok=True)
    _network(folder, size_px)
    header = ("label", "scope", "country_code")
    rows = (("Japan", "country", "JP"), ("Germany", "country", "DE"), ("Brazil", "country", "BR"))
    write_csv(folder / "countries.csv", [header, *rows])
    np.save(folder / "countries.npy", np.eye(3, dtype=np.float16))
    towns = (
        ("Tokyo", 35.69, 139.69, "JP", (1, 0, 0)),
        ("Osaka", 34.69, 135.50, "JP", (0.8, 0.6, 0)),
        ("Berlin", 52.52, 13.41, "DE", (0, 1, 0)),
        ("Munich", 48.14, 11.58, "DE", (0.6, 0.8, 0)),
        ("Rio de Janeiro", -22.91, -43.17, "BR", (0, 0, 1)),
    )
    header = ("label", "scope", "parent", "lat", "lon", "country_code")
    write_csv(
        folder / "cities.csv",
        [header, *((t[0], "point", "country", t[1], t[2], t[3]) for t in towns)],
    )
    np.save(folder / "cities.npy", np.array([town[4] for town in towns], np.float32))
    make_text_tower(folder)
    return _sealed(folder, (COUNTRIES, CITIES), size_px)


def position_bundle(folder: Path, size_px: int = 8) -> ModelBundle:
    """A gallery of Tokyo, Berlin and Rio, and an encoder of any position."""
    from bundles import POINTS

    folder.mkdir(parents=True, exist_ok=True)
    _network(folder, size_px)
    np.save(folder / "gallery.npy", np.eye(3, dtype=np.float16))
    write_csv(folder / "gallery.csv", [("lat", "lon", "count"), *POINTS])
    make_location_encoder(folder / "location.onnx")
    return _sealed(folder, (GPS,), size_px)


def make_text_tower(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel(WORDS, unk_token="[other]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.enable_padding(length=6, pad_id=0, pad_token="[pad]")
    tokenizer.enable_truncation(6)
    tokenizer.save(str(folder / "tokenizer.json"))
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "tokens"], ["words"]),
        node("ReduceSum", ["words", "one"], ["sum"], keepdims=0),
        node("ReduceL2", ["sum", "one"], ["length"], keepdims=1),
        node("Div", ["sum", "length"], ["vectors"]),
    ]
    constants = {"table": VECTORS, "one": np.array([1])}
    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n", 6])
    _save(folder / "text.onnx", nodes, tokens, constants)


def make_location_encoder(file: Path) -> None:
    node = helper.make_node
    nodes = [
        node("Slice", ["degrees", "zero", "one", "one"], ["lat"]),
        node("Sub", ["lat", "centres"], ["apart"]),
        node("Mul", ["apart", "apart"], ["squared"]),
        node("Mul", ["squared", "fall"], ["exponent"]),
        node("Exp", ["exponent"], ["vectors"]),
    ]
    constants = {
        "zero": np.array([0]),
        "one": np.array([1]),
        "centres": np.array([60, 0, -60], np.float32),
        "fall": np.array(-1e-3, np.float32),
    }
    degrees = helper.make_tensor_value_info("degrees", TensorProto.FLOAT, ["n", 2])
    _save(file, nodes, degrees, constants)


def _network(folder: Path, size_px: int) -> None:
    make_model(folder / MODEL_FILE, {"embedding": WEIGHTS["embedding"]}, size_px)


def _sealed(folder: Path, heads: tuple, size_px: int) -> ModelBundle:
    probe = make_probe({"embedding": WEIGHTS["embedding"]}, size_px)
    return seal(folder, heads, size_px=size_px, probe=probe)


def _save(file: Path, nodes: list, given: onnx.ValueInfoProto, constants: dict) -> None:
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", 3])
    weights = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [given], [vectors], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    onnx.save(model, file)
