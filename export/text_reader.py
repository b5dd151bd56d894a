"""Makes the reader of the world's scripts of a trained run: python -m export.text_reader RUN OUT

RUN is a folder of `python -m training.train_text_reader`. OUT gets model.onnx, whose weights are
stored in half precision, and card.json. The program reads geotagger/data/text_reader.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path

import click
import numpy as np
import onnxruntime
import torch

from export.graph.precision import store_half
from geotagger.errors import UsageError
from geotagger.text.ocr.recogniser import HEIGHT_PX
from training.models.line_backbone import LineBackbone
from training.models.text_reader_network import TextReaderNetwork
from training.train_text_reader import CARD_FILE, WEIGHTS_FILE

MAX_DIFFERENCE = 0.02
"""Of a probability, between the network and the graph with weights in half precision."""


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("out", type=click.Path(path_type=Path))
def main(run: Path, out: Path) -> None:
    try:
        card = json.loads((run / CARD_FILE).read_text("utf-8"))
        weights = torch.load(run / WEIGHTS_FILE, weights_only=True)
    except OSError as error:
        raise click.ClickException(f"{run} holds no finished run: {error}") from error
    network = TextReaderNetwork(LineBackbone(), len(card["symbols"]))
    network.load_state_dict(weights)
    out.mkdir(parents=True, exist_ok=True)
    write_graph(network.eval(), out / "model.onnx")
    difference = compare(network, out / "model.onnx")
    if difference > MAX_DIFFERENCE:
        raise UsageError(f"{out}: the graph's probabilities differ by {difference:.3f}")
    card["sha256"] = hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest()
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (out / "card.json").write_text(text + "\n", "utf-8")
    click.echo(f"{out}: probabilities differ by at most {difference:.4f}")


def write_graph(network: TextReaderNetwork, file: Path) -> None:
    """Writes the graph.

    It maps BGR `lines` float32 [n, 3, 48, w], from -1 to 1, to `probabilities` float32
    [n, w / 4, 1 + symbols]; the first class is CTC's blank.
    """
    with tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / "full.onnx"
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, HEIGHT_PX, 96),),
            full,
            input_names=["lines"],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("count"), 3: torch.export.Dim("width")},),
            opset_version=20,
            external_data=False,
            verbose=False,
        )
        store_half(full, file)


def compare(network: TextReaderNetwork, file: Path) -> float:
    """Returns the largest difference of a probability on noise of two widths."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    differences = []
    for width in (64, 331):
        lines = random.uniform(-1, 1, (3, 3, HEIGHT_PX, width)).astype(np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(lines))
        (found,) = session.run(None, {"lines": lines})
        differences.append(float(np.abs(found - expected.numpy()).max()))
    return max(differences)


if __name__ == "__main__":
    main()
