"""Removes from ONNX graphs what the exporter leaves in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnx

if TYPE_CHECKING:
    from pathlib import Path


def strip(file: Path, properties: bool = True) -> None:
    """Removes stack traces with paths from every node.

    Args:
        file: The graph; it is changed.
        properties: Also removes the properties of the model.
    """
    model = onnx.load(file, load_external_data=False)
    if properties:
        del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    onnx.save(model, file)
