"""How well lines of text are read: errors of characters and of whole lines."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from PIL import Image
from rapidfuzz.distance import Levenshtein

from geotagger.text.ocr.line_labels import to_symbols, to_text
from geotagger.text.ocr.recogniser import HEIGHT_PX, stack_lines
from training.synthetic.text_lines import Line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.models.text_reader_network import TextReaderNetwork


@dataclass(frozen=True, slots=True)
class ReadLine:
    """What the network makes of a line."""

    symbols: str
    logits: torch.Tensor
    """Of the columns that emit the symbols, float32 [len(symbols), classes]."""

    def confidence(self, temperature: float) -> float:
        """Mean probability of the symbols; 0 if there are none."""
        if not self.symbols:
            return 0.0
        return float(torch.softmax(self.logits / temperature, 1).amax(1).mean())


@torch.no_grad()
def read_line(network: TextReaderNetwork, line: Line, alphabet: Sequence[str]) -> ReadLine:
    """Reads one line."""
    early = network.backbone.early(torch.from_numpy(stack_lines([line.pixels[:, :, ::-1]])))
    logits = network.logits(early)[0]
    classes = logits.argmax(1)
    kept = (classes > 0) & torch.cat([torch.ones(1, dtype=torch.bool), classes[1:] != classes[:-1]])
    symbols = "".join(alphabet[number - 1] for number in classes[kept].tolist())
    return ReadLine(symbols, logits[kept])


def character_errors(
    network: TextReaderNetwork, lines: Sequence[Line], alphabet: Sequence[str]
) -> dict[str, float]:
    """Returns the rate of character errors of each script, and of "all" as their mean."""
    scored = score_lines(network, lines, alphabet)
    rates = {script: scores["character_errors"] for script, scores in scored.items()}
    return rates | {"all": round(float(np.mean(list(rates.values()))), 4)}


def score_lines(
    network: TextReaderNetwork, lines: Sequence[Line], alphabet: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Returns lines, character error rate and share of wrong lines of each script."""
    network.eval()
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for line in lines:
        text = to_text(line.symbols)
        read = to_text(read_line(network, line, alphabet).symbols)
        wrong = Levenshtein.distance(read, text)
        added = (1, len(text), wrong, wrong > 0)
        counts[line.script] = [a + b for a, b in zip(counts[line.script], added, strict=True)]
    return {
        script: {
            "lines": lines_,
            "character_errors": round(wrong / max(1, characters), 4),
            "wrong_lines": round(wrong_lines / lines_, 4),
        }
        for script, (lines_, characters, wrong, wrong_lines) in sorted(counts.items())
    }


def fit_temperature(
    network: TextReaderNetwork, lines: Sequence[Line], alphabet: Sequence[str]
) -> float:
    """Returns the temperature at which the mean confidence is the share of right characters."""
    network.eval()
    read = [read_line(network, line, alphabet) for line in lines]
    errors = [
        min(1.0, Levenshtein.distance(some.symbols, line.symbols) / max(1, len(line.symbols)))
        for some, line in zip(read, lines, strict=True)
        if some.symbols
    ]
    share = 1 - float(np.mean(errors))

    def difference(temperature: float) -> float:
        sure = [some.confidence(temperature) for some in read if some.symbols]
        return abs(float(np.mean(sure)) - share)

    return min((0.5 * 1.05**step for step in range(50)), key=difference)


def read_real_lines(folder: Path) -> list[Line]:
    """Reads words and lines of a folder with labels.csv (file, script, text, kind)."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["kind"] in {"word", "line"}]
    lines = []
    for row in rows:
        pixels = np.asarray(Image.open(folder / "images" / row["file"]).convert("RGB"))
        width = max(16, round(pixels.shape[1] * HEIGHT_PX / pixels.shape[0]))
        shrinks = pixels.shape[0] > HEIGHT_PX
        how = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
        pixels = np.asarray(cv2.resize(pixels, (width, HEIGHT_PX), interpolation=how))
        lines.append(Line(pixels, to_symbols(row["text"]), row["script"]))
    return lines
