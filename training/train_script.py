"""Trains the script classifier: python -m training.train_script PHOTOS RUN OUT

PHOTOS is a folder with labels.csv and photos, whose objects make hard examples of "no script". RUN
keeps the crops, the weights and the scores. OUT gets model.onnx and card.json.

    python -m training.train_script PHOTOS runs/script geotagger/data/script --exclude-rights agency

It needs many fonts (Debian: fonts-noto-core, fonts-noto-cjk, fonts-thai-tlwg-ttf, fonts-indic,
culmus, fonts-bpg-georgian and the like). A quarter of the font families is held out.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch import nn

from geotagger.text.ocr.script_classifier import MIN_CLASSIFIED_WIDTH_PX
from training.models.script_network import ScriptNetwork, save_script_onnx
from training.synthetic.fonts import read_faces
from training.synthetic.script_crops import bucket_of, stacked
from training.synthetic.script_examples import (
    OTHER,
    SCRIPTS,
    BackgroundPhotos,
    Crop,
    Drawer,
    examples,
    load_crops,
    save_crops,
)
from training.synthetic.script_words import telling_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

FALSE_ALARM_RATE = 0.0003
"""The largest share of held-out crops without such a script that may be classified as one."""


@click.command(help=__doc__)
@click.argument("photos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--fonts", type=click.Path(path_type=Path), default="/usr/share/fonts")
@click.option("--exclude-rights", multiple=True, help="Leave out photos with these rights.")
@click.option("--each", default=3000, show_default=True, help="Drawn crops of each script.")
@click.option("--look-at", default=1200, show_default=True, help="Photos to find text in.")
@click.option("--epochs", default=8, show_default=True)
@click.option("--start-from", type=click.Path(path_type=Path), help="Weights of an earlier run.")
@click.option("--threads", default=1, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(
    photos: Path,
    run: Path,
    out: Path,
    fonts: Path,
    exclude_rights: tuple[str, ...],
    each: int,
    look_at: int,
    epochs: int,
    start_from: Path | None,
    threads: int,
    seed: int,
) -> None:
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    if not (run / "held_out.npz").exists():
        real = BackgroundPhotos(photos, run / "found.npz", exclude_rights, look_at)
        drawer = Drawer(read_faces(fonts), telling_words(), seed)
        click.echo(f"families, training+held out: {drawer.report()}")
        save_crops(run / "train.npz", list(examples(drawer, real, each, False, rng)))
        save_crops(run / "held_out.npz", list(examples(drawer, real, each // 8, True, rng)))
    crops, held_out = load_crops(run / "train.npz"), load_crops(run / "held_out.npz")
    click.echo(f"{len(crops)} crops to train with, {len(held_out)} held out")

    network = train(crops, epochs, rng, start_from)
    torch.save(network.state_dict(), run / "model.pt")
    network.temperature = fit_temperature(network, held_out)
    probabilities, labels = predict(network, held_out)
    threshold = threshold_for(probabilities, labels, FALSE_ALARM_RATE)
    scores = score(probabilities, labels, [crop.kind for crop in held_out], threshold)
    click.echo(json.dumps(scores, indent=1))
    write_model(network, out, threshold, scores)


def train(
    crops: Sequence[Crop], epochs: int, rng: np.random.Generator, start_from: Path | None
) -> ScriptNetwork:
    """Trains with cross-entropy, AdamW and a one-cycle schedule."""
    network = ScriptNetwork()
    if start_from:
        network.load_state_dict(torch.load(start_from, weights_only=True))
    network = network.to(memory_format=torch.channels_last)
    steps = sum(1 for _ in _batches(crops, rng)) * epochs
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps + 8 * epochs)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.01)
    for epoch in range(epochs):
        start, losses = time.monotonic(), []
        network.train()
        for lines, labels in _batches(crops, rng):
            with torch.autocast("cpu", torch.bfloat16):
                logits = network.logits(_augment(torch.from_numpy(lines)))
            loss = loss_of(logits.float(), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        seconds = time.monotonic() - start
        click.echo(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {seconds:.0f} s")
    return network.eval()


def _batches(
    crops: Sequence[Crop], rng: np.random.Generator, size: int = 128
) -> Iterator[tuple[NDArray[np.uint8], torch.Tensor]]:
    """Yields (lines uint8 [n, 32, w], labels [n]) of about one width, in random order."""
    by_width = defaultdict(list)
    for index in rng.permutation(len(crops)):
        by_width[bucket_of(crops[index].grey)].append(crops[index])
    chunks = [
        (width, some[start : start + size])
        for width, some in by_width.items()
        for start in range(0, len(some), size)
    ]
    for index in rng.permutation(len(chunks)):
        width, chunk = chunks[index]
        if len(chunk) > 1:
            lines = stacked([crop.grey for crop in chunk], width)
            yield lines, torch.tensor([crop.label for crop in chunk])


def _augment(lines: torch.Tensor) -> torch.Tensor:
    """Inverts half of the lines [n, 32, w], shifts them and adds noise."""
    count = len(lines)
    lines = torch.where(torch.rand(count, 1, 1) < 0.5, lines, 255 - lines)
    shift = [int(step) for step in torch.randint(-3, 4, (2,))]
    lines = torch.roll(lines, (shift[0], shift[1]), (1, 2)).float()
    lines = lines + torch.randn_like(lines) * (torch.rand(count, 1, 1) * 12)
    return lines.clamp(0, 255)


@torch.no_grad()
def _logits(network: ScriptNetwork, crops: Sequence[Crop]) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns (logits [n, classes], labels [n]); each crop is read at its own width."""
    logits = torch.cat([network.logits(torch.from_numpy(crop.grey)[None]) for crop in crops])
    return logits, torch.tensor([crop.label for crop in crops])


def fit_temperature(network: ScriptNetwork, crops: Sequence[Crop]) -> torch.Tensor:
    """Returns the temperature with the largest likelihood of the labels, a scalar."""
    logits, labels = _logits(network, crops)
    candidates = [torch.tensor(0.5 * 1.05**step) for step in range(40)]
    return min(candidates, key=lambda t: nn.functional.cross_entropy(logits / t, labels).item())


def predict(
    network: ScriptNetwork, crops: Sequence[Crop]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Classifies crops.

    Lines that are too narrow to be recognised have probability 0 for every script.

    Returns:
        (probabilities [n, classes], labels [n]).
    """
    logits, labels = _logits(network, crops)
    probabilities = torch.softmax(logits / network.temperature, dim=1)
    narrow = torch.tensor([crop.grey.shape[1] < MIN_CLASSIFIED_WIDTH_PX for crop in crops])
    probabilities[narrow, :OTHER] = 0
    return probabilities.numpy(), labels.numpy()


def threshold_for(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], rate: float
) -> float:
    """Returns the lowest probability, at least 0.5, with at most `rate` false alarms.

    Args:
        probabilities: [n, classes].
        labels: [n].
        rate: The largest share of OTHER that is classified as a script.
    """
    alarms = np.sort(probabilities[labels == OTHER, :OTHER].max(axis=1))[::-1]
    return max(0.5, float(np.nextafter(alarms[int(rate * len(alarms))], np.float32(1))))


def score(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    kinds: Sequence[str],
    threshold: float,
) -> dict[str, object]:
    """Returns the recall of each script, and how often other crops are classified as a script."""
    best = probabilities[:, :OTHER].argmax(axis=1)
    named = probabilities[:, :OTHER].max(axis=1) >= threshold
    right = named & (best == labels)
    wrong = named & (best != labels)
    result: dict[str, object] = {"threshold": round(threshold, 4)}
    for kind in sorted(set(kinds)):
        some = np.array([other == kind for other in kinds])
        result[kind] = {
            "crops": int(some.sum()),
            "named_rightly": round(float(right[some].mean()), 4),
            "named_wrongly": round(float(wrong[some].mean()), 4),
        }
    return result


def write_model(
    network: ScriptNetwork, out: Path, threshold: float, scores: dict[str, object]
) -> None:
    """Writes model.onnx and card.json."""
    out.mkdir(parents=True, exist_ok=True)
    save_script_onnx(network, out / "model.onnx")
    card = {
        "scripts": SCRIPTS,
        "threshold": threshold,
        "sha256": hashlib.sha256((out / "model.onnx").read_bytes()).hexdigest(),
        "held_out": scores,
    }
    text = json.dumps(card, indent=1, ensure_ascii=False)
    (out / "card.json").write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
