"""Trains the reader of the world's scripts: python -m training.train_text_reader RUN

RUN keeps the checkpoint and the scores; the same command goes on where it stopped. Lines are drawn
while it trains, by other processes. `python -m export.text_reader` makes the packaged network.

    python -m training.train_text_reader runs/reader --photos PHOTOS --minutes 100

PHOTOS is a folder of photos to draw lines on. It needs many fonts (training/README.md names them).
A quarter of the font families and of the photos is held out.
"""

from __future__ import annotations

import copy
import json
import queue
import random
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch import multiprocessing
from torch.nn import functional

from geotagger.text.ocr.recogniser import stack_lines
from geotagger.text.ocr.script_reader import COLUMN_PX
from training.eval.text_scores import (
    character_errors,
    fit_temperature,
    read_real_lines,
    score_lines,
)
from training.models.line_backbone import load_line_backbone
from training.models.text_reader_graph import read_reader_graph
from training.models.text_reader_network import TextReaderNetwork
from training.synthetic.fonts import read_faces
from training.synthetic.line_texts import SCRIPTS, LineTexts
from training.synthetic.text_lines import Line, LineDrawer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing import Queue

    from training.synthetic.fonts import Face

CHECKPOINT_FILE, WEIGHTS_FILE, CARD_FILE = "checkpoint.pt", "weights.pt", "card.json"
MODEL_FILE = "model.onnx"
HEAD_RATE, BACKBONE_RATE = 1e-3, 3e-4
WARMUP_STEPS, DECAY_SHARE = 200, 0.4
"""The rate falls to zero over the last part of the time."""
EMA_DECAY = 0.998
CLIP_NORM = 5.0
QUEUED, RECENT = 8, 200
"""Batches that wait, and that are kept to learn from again."""
CHECK_STEPS = 400
HELD_OUT_EACH = 10
"""Held-out lines of each script."""
HOLD = 1.0
"""Weight of the distance from the first reader's outputs, for a symbol, on lines that are held."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines of about one width."""

    early: torch.Tensor
    """The backbone's early features, float32 or bfloat16 [n, 192, 6, t]."""
    columns: torch.Tensor
    """Length of each line in columns, int64 [n]."""
    labels: torch.Tensor
    """Classes of all lines, one after another, int64."""
    lengths: torch.Tensor
    """Number of classes of each line, int64 [n]."""
    held: torch.Tensor
    """Whether each line is in none of the scripts to improve, bool [n]."""


class Drawing:
    """Processes that draw lines and compute their early features, and what they made lately.

    While none is ready, an earlier batch is learned from again, so that training never waits.
    """

    def __init__(
        self,
        faces: Sequence[Face],
        photos: Sequence[Path],
        scripts: Sequence[str],
        seed: int,
        workers: int,
        bfloat16: bool,
        improved: Sequence[str] = (),
    ) -> None:
        context = multiprocessing.get_context("fork")
        self._ready: Queue[Batch] = context.Queue(QUEUED)
        self._recent: deque[Batch] = deque(maxlen=RECENT)
        self._random = random.Random(seed)
        self._workers = [
            context.Process(
                target=_draw,
                args=(
                    self._ready,
                    faces,
                    photos,
                    scripts,
                    seed + 1000 * number,
                    bfloat16,
                    improved,
                ),
                daemon=True,
            )
            for number in range(workers)
        ]
        for worker in self._workers:
            worker.start()
        self.fresh = 0

    def next(self) -> Batch:
        """Returns a batch.

        Raises:
            click.ClickException: A process that draws has ended.
        """
        waits = len(self._recent) < RECENT // 4
        while True:
            try:
                batch = self._ready.get(waits, 10)
            except queue.Empty:
                if not all(worker.is_alive() for worker in self._workers):
                    raise click.ClickException("a process that draws lines has ended") from None
                if not waits:
                    return self._random.choice(self._recent)
                continue
            self.fresh += len(batch.lengths)
            self._recent.append(batch)
            return batch

    def stop(self) -> None:
        """Ends the processes."""
        for worker in self._workers:
            worker.kill()


def _draw(
    ready: Queue[Batch],
    faces: Sequence[Face],
    photos: Sequence[Path],
    scripts: Sequence[str],
    seed: int,
    bfloat16: bool,
    improved: Sequence[str],
) -> None:
    """Puts batches into the queue, without end."""
    torch.set_num_threads(1)
    texts = LineTexts(seed, scripts, improved)
    drawer = LineDrawer(faces, texts, photos, False, seed)
    early = load_line_backbone().eval().early.to(memory_format=torch.channels_last)
    numbers = {symbol: number for number, symbol in enumerate(texts.alphabet, 1)}
    for lines in drawer.batches():
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            features = early(_pixels(lines))
        ready.put(
            Batch(
                features,
                torch.tensor([line.pixels.shape[1] // COLUMN_PX for line in lines]),
                torch.tensor([numbers[symbol] for line in lines for symbol in line.symbols]),
                torch.tensor([len(line.symbols) for line in lines]),
                torch.tensor([line.script not in improved for line in lines]),
            )
        )


def _pixels(lines: Sequence[Line]) -> torch.Tensor:
    """Returns lines as BGR float32 [n, 3, 48, w], from -1 to 1."""
    batch = torch.from_numpy(stack_lines([line.pixels[:, :, ::-1] for line in lines]))
    return batch.contiguous(memory_format=torch.channels_last)


class Training:
    """The network, its average, its optimizer, and how far it has come."""

    def __init__(
        self, symbols: int, minutes: float, rate: float = 1.0, bfloat16: bool = False
    ) -> None:
        self.network = TextReaderNetwork(load_line_backbone(), symbols)
        self.network.backbone.early.requires_grad_(False)
        self.average = copy.deepcopy(self.network).eval()
        self._first: TextReaderNetwork | None = None
        late = list(self.network.backbone.late.parameters())
        known = {id(parameter) for parameter in self.network.backbone.parameters()}
        head = [p for p in self.network.parameters() if id(p) not in known]
        groups = [
            {"params": head, "base": rate * HEAD_RATE},
            {"params": late, "base": rate * BACKBONE_RATE},
        ]
        self.optimizer = torch.optim.AdamW(groups, HEAD_RATE, weight_decay=0.01)
        self.seconds, self.step, self.lines = 0.0, 0, 0
        self._all_seconds = 60 * minutes
        self._bfloat16 = bfloat16

    @property
    def progress(self) -> float:
        """Share of the time that is used."""
        return min(1.0, self.seconds / self._all_seconds)

    def learn(self, batch: Batch) -> float:
        """Takes one step; returns the loss of a symbol."""
        start = time.monotonic()
        rate = min(1.0, (self.step + 1) / WARMUP_STEPS, (1 - self.progress) / DECAY_SHARE)
        for group in self.optimizer.param_groups:
            group["lr"] = group["base"] * max(rate, 1e-3)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            logits = self.network.logits(batch.early)
        loss = functional.ctc_loss(
            logits.float().log_softmax(2).transpose(0, 1),
            batch.labels,
            batch.columns,
            batch.lengths,
            reduction="sum",
            zero_infinity=True,
        )
        loss = (loss + HOLD * self._change(batch, logits)) / max(1, len(batch.labels))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIP_NORM)
        self.optimizer.step()
        self._follow()
        self.step += 1
        self.lines += len(batch.lengths)
        self.seconds += time.monotonic() - start
        return float(loss.detach())

    def _change(self, batch: Batch, logits: torch.Tensor) -> torch.Tensor:
        """Returns how far the outputs moved from the first reader's on lines that are held: the
        divergence of Kullback and Leibler, summed over columns (Li & Hoiem, ECCV 2016)."""
        if self._first is None or not batch.held.any():
            return torch.zeros(())
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            before = self._first.logits(batch.early[batch.held])
        now = logits[batch.held].float().log_softmax(2)
        apart = functional.kl_div(
            now, before.float().log_softmax(2), reduction="none", log_target=True
        )
        columns = torch.arange(apart.shape[1]) < batch.columns[batch.held, None]
        return (apart.sum(2) * columns).sum()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(EMA_DECAY, (self.step + 1) / (self.step + 20))
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for mean, now in pairs:
            if now.requires_grad:
                mean.lerp_(now, 1 - decay)
        for mean, now in zip(self.average.buffers(), self.network.buffers(), strict=True):
            mean.copy_(now)

    def save(self, file: Path) -> None:
        """Writes a checkpoint; the one before is replaced when the new one is complete."""
        draft = file.with_suffix(".next")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "done": [self.seconds, self.step, self.lines],
            },
            draft,
        )
        draft.replace(file)

    def begin_with(self, folder: Path, symbols: Sequence[str]) -> None:
        """Takes the weights of another run, or of a packaged reader. Symbols that it lacks begin at
        random.

        Raises:
            click.ClickException: The folder is neither.
        """
        stored = _stored_weights(folder, self.network)
        known = json.loads((folder / CARD_FILE).read_text("utf-8"))["symbols"]
        numbers = {symbol: number for number, symbol in enumerate(known, 1)}
        pairs = [(new, numbers[s]) for new, s in enumerate(symbols, 1) if s in numbers]
        new, old = torch.tensor([(0, 0), *pairs]).T
        own = self.network.state_dict()
        for name in ("classify.weight", "classify.bias"):
            stored[name] = own[name].index_copy(0, new, stored[name][old])
        stored["temperature"] = own["temperature"]
        self.network.load_state_dict(stored)
        self.average.load_state_dict(stored)

    def keep_norm(self) -> None:
        """Leaves the statistics of batch normalisation as they are: those of a batch of one script
        differ, and a packaged reader has none of its own."""
        self.network.norm.eval()

    def hold(self) -> None:
        """Holds lines to what the reader makes of them now."""
        self._first = copy.deepcopy(self.network).eval()

    def load(self, file: Path) -> None:
        """Restores a checkpoint."""
        stored = torch.load(file, weights_only=True)
        self.network.load_state_dict(stored["network"])
        self.average.load_state_dict(stored["average"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.seconds, self.step, self.lines = stored["done"]


def _stored_weights(folder: Path, network: TextReaderNetwork) -> dict[str, torch.Tensor]:
    if not (folder / CARD_FILE).is_file():
        raise click.ClickException(f"{folder} is no finished run and no reader: no {CARD_FILE}.")
    if (folder / WEIGHTS_FILE).is_file():
        return torch.load(folder / WEIGHTS_FILE, weights_only=True)
    if (folder / MODEL_FILE).is_file():
        return read_reader_graph(folder / MODEL_FILE, network)
    raise click.ClickException(f"{folder} lacks {WEIGHTS_FILE} of a run, {MODEL_FILE} of a reader.")


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--fonts",
    multiple=True,
    type=click.Path(path_type=Path, exists=True),
    default=("/usr/share/fonts",),
    show_default=True,
    help="Folders of fonts.",
)
@click.option(
    "--photos",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of photos to draw lines on; without it they stand on plain colours.",
)
@click.option(
    "--real",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Real lines with labels.csv, to score.",
)
@click.option(
    "--script",
    "scripts",
    multiple=True,
    type=click.Choice(SCRIPTS),
    default=SCRIPTS,
    help="A script to learn (ISO 15924); default: all.",
)
@click.option(
    "--begin-with",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A finished run, or the folder of a packaged reader (geotagger/data/text_reader), whose "
    "weights are taken; its alphabet may be another.",
)
@click.option(
    "--improve",
    "improved",
    multiple=True,
    type=click.Choice(SCRIPTS),
    help="With --begin-with: half of the lines are in this script; in the others the reader is "
    "held to what it said at first.",
)
@click.option(
    "--rate",
    default=1.0,
    show_default=True,
    help="Factor of the learning rate; less than 1 with --begin-with, or much is forgotten.",
)
@click.option(
    "--bfloat16",
    is_flag=True,
    help="Multiply in bfloat16: 1.8 times as fast on processors with AVX512-BF16.",
)
@click.option("--minutes", default=100.0, show_default=True, help="Of training steps.")
@click.option("--workers", default=1, show_default=True, help="Processes that draw.")
@click.option("--threads", default=1, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(
    run: Path,
    fonts: tuple[Path, ...],
    photos: Path | None,
    real: Path | None,
    scripts: tuple[str, ...],
    begin_with: Path | None,
    improved: tuple[str, ...],
    rate: float,
    bfloat16: bool,
    minutes: float,
    workers: int,
    threads: int,
    seed: int,
) -> None:  # fmt: skip
    if improved and not begin_with:
        raise click.UsageError(
            "--improve needs --begin-with: a reader to hold the other scripts to."
        )
    run.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(threads)
    faces = [face for folder in fonts for face in read_faces(folder)]
    grounds = sorted(photos.rglob("*.[jw]*")) if photos else []
    texts = LineTexts(seed, scripts)
    drawer = LineDrawer(faces, texts, grounds, True, seed)
    click.echo(f"{len(texts.alphabet)} symbols; held-out font families: {drawer.report()}")
    held_out = [drawer.line(script) for script in scripts for _ in range(HELD_OUT_EACH)]

    training = Training(len(texts.alphabet), minutes, rate, bfloat16)
    checkpoint = run / CHECKPOINT_FILE
    if begin_with:
        training.begin_with(begin_with, texts.alphabet)
        training.keep_norm()
    if improved:
        training.hold()
    if checkpoint.is_file():
        training.load(checkpoint)
    torch.manual_seed(seed + training.step)
    first_seed = seed + 1 + training.step
    drawing = Drawing(faces, grounds, scripts, first_seed, workers, bfloat16, improved)
    losses: list[float] = []
    while training.progress < 1:
        losses.append(training.learn(drawing.next()))
        if training.step % CHECK_STEPS == 0:
            training.save(checkpoint)
            errors = character_errors(training.average, held_out, texts.alphabet)
            report = {
                "step": training.step,
                "lines": training.lines,
                "drawn": drawing.fresh,
                "minutes": round(training.seconds / 60, 1),
                "loss": round(float(np.mean(losses)), 4),
                "held_out": errors,
            }
            losses.clear()
            click.echo(json.dumps(report))
    drawing.stop()
    training.save(checkpoint)
    more = [drawer.line(script) for script in scripts for _ in range(6 * HELD_OUT_EACH)]
    temperature = fit_temperature(training.average, more, texts.alphabet)
    training.average.temperature.fill_(temperature)
    scores = {"drawn": score_lines(training.average, more, texts.alphabet)}
    if real:
        scores["real"] = score_lines(training.average, read_real_lines(real), texts.alphabet)
    card = {"symbols": "".join(texts.alphabet), "lines": training.lines, "scores": scores}
    (run / CARD_FILE).write_text(json.dumps(card, indent=1, ensure_ascii=False), "utf-8")
    torch.save(training.average.state_dict(), run / WEIGHTS_FILE)
    click.echo(json.dumps(scores, indent=1))


if __name__ == "__main__":
    main()
