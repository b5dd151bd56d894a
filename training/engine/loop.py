"""The training loop that every system shares.

It runs on the CPU, one GPU, or many (`torchrun -m training.train_...`, `accelerate launch -m ...`),
in float32 or mixed precision, with gradient accumulation; it writes TensorBoard logs and
checkpoints, and goes on from the last one so that the result is the same as without a stop.
"""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, ProjectConfiguration, set_seed
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler

from training.engine import checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    LossOf = Callable[[nn.Module, torch.Tensor, torch.Tensor], "dict[str, torch.Tensor]"]

_SAY_EVERY_S = 30.0


@dataclass(frozen=True, slots=True)
class LoopOptions:
    epochs: int = 15
    batch_size: int = 16
    """Photos at once on each device."""
    accumulation: int = 1
    """Batches whose gradients make one step."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    optimizer: str = "adamw"
    """adamw or adam."""
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "constant"
    """constant, linear (down to zero) or cosine."""
    warmup: float = 0.0
    """Share of the steps over which the rate rises; at least one step where it is not 0."""
    clip: float = 0.0
    """Largest norm of the gradient; 0 leaves it alone."""
    precision: str = "no"
    """no, fp16 or bf16: of the arithmetic (AMP)."""
    average_decay: float = 0.0
    """Above 0: keep a moving average of the weights, and return that."""
    workers: int = 0
    """Processes that read photos."""
    seed: int = 0
    checkpoint_steps: int = 0
    """Also write a checkpoint after so many steps; one is written after every epoch."""


def fit(
    model: nn.Module,
    loss_of: LossOf,
    photos: Dataset[Any],
    run: Path,
    options: LoopOptions,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    groups: Iterable[dict[str, Any]] | None = None,
    say: Callable[[str], None] = click.echo,
) -> nn.Module:
    """Trains those parameters of `model` that require gradients, and returns it.

    Args:
        loss_of: (model, inputs, rows) of a batch -> named losses; `loss` is minimised, the others
            are logged. It calls `model(...)`, for several GPUs wrap it.
        photos: gives (inputs, row); `set_epoch`, where it has one, is called before each epoch.
        run: gets checkpoints/ and tensorboard/. A checkpoint of the same options is gone on from.
        evaluate: scores after each epoch, for the log.
        groups: parameter groups of the optimiser, where rates differ.

    Raises:
        UsageError: the folder holds a checkpoint of other options.
        FloatingPointError: the loss is no longer a number.
    """
    set_seed(options.seed)
    accelerator = Accelerator(
        cpu=not torch.accelerator.is_available(),
        mixed_precision=options.precision,
        gradient_accumulation_steps=options.accumulation,
        step_scheduler_with_optimizer=False,
        dataloader_config=DataLoaderConfiguration(
            use_seedable_sampler=True, data_seed=options.seed, dispatch_batches=False
        ),
        log_with="tensorboard",
        project_config=ProjectConfiguration(str(run), logging_dir=str(run)),
    )
    parameters = list(groups or [{"params": [p for p in model.parameters() if p.requires_grad]}])
    optimizer = _optimizer(parameters, options)
    loader = _loader(photos, options)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    batches = len(loader)
    steps = options.epochs * -(-batches // options.accumulation)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer.optimizer, rate_of(steps, options))
    average = _average(accelerator.unwrap_model(model), options)
    progress = _Progress()
    accelerator.register_for_checkpointing(schedule, progress, *([average] if average else []))
    checkpoint = run / "checkpoints" / "last"
    if checkpoints.load(accelerator, checkpoint, options):
        say(f"going on after epoch {progress.epoch}, step {progress.step}")
    accelerator.init_trackers("tensorboard")
    # Each pass over what a `loader` gives starts from what `progress` says; nothing is seen twice.
    for epoch in range(progress.epoch, options.epochs):
        _start_epoch(loader, photos, epoch)
        skipped = progress.batch
        part = accelerator.skip_first_batches(loader, skipped) if skipped else loader
        model.train()
        total, pulse = 0.0, _Pulse(say)
        for batch, (inputs, rows) in enumerate(part, start=skipped):
            # dropout must not depend on whether the run was stopped before
            torch.manual_seed(hash((options.seed, epoch, batch, accelerator.process_index)))
            with accelerator.accumulate(model), accelerator.autocast():
                losses = loss_of(model, inputs, rows)
                _check_finite(losses["loss"], progress)
                accelerator.backward(losses["loss"])
                if accelerator.sync_gradients and options.clip:
                    accelerator.clip_grad_norm_(model.parameters(), options.clip)
                optimizer.step()
                optimizer.zero_grad()
            total += float(losses["loss"].detach())
            if accelerator.is_main_process:
                mean = total / (batch + 1 - skipped)
                pulse.beat(f"epoch {epoch + 1}: batch {batch + 1}/{batches}, loss {mean:.4f}")
            if not accelerator.sync_gradients:
                continue
            if not optimizer.step_was_skipped:
                schedule.step()
            if average:
                average.update_parameters(accelerator.unwrap_model(model))
            progress.batch, progress.step = batch + 1, progress.step + 1
            _log(accelerator, losses, schedule, progress.step)
            if options.checkpoint_steps and progress.step % options.checkpoint_steps == 0:
                checkpoints.save(accelerator, checkpoint, options)
        progress.epoch, progress.batch = epoch + 1, 0
        checkpoints.save(accelerator, checkpoint, options)
        scores = _scores(accelerator, average.module if average else model, evaluate)
        accelerator.log(scores, step=progress.step)
        told = ", ".join(f"{name} {value:.4g}" for name, value in scores.items())
        if accelerator.is_main_process:
            mean = total / max(1, batches - skipped)
            say(f"epoch {epoch + 1}/{options.epochs}: loss {mean:.4f} {told}")
    accelerator.end_training()
    trained = accelerator.unwrap_model(model)
    if average:
        trained.load_state_dict(average.module.state_dict())
    return trained.eval()


class _Pulse:
    """Says now and then how far an epoch is, so that slow is not taken for stuck."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._last_s = time.monotonic()

    def beat(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= _SAY_EVERY_S:
            self._last_s = now_s
            self._say(text)


class _Progress:
    """Where a run stands; kept in its checkpoints."""

    def __init__(self) -> None:
        self.epoch = self.batch = self.step = 0

    def state_dict(self) -> dict[str, int]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, int]) -> None:
        vars(self).update(state)


def rate_of(steps: int, options: LoopOptions) -> Callable[[int], float]:
    """Step -> factor of the learning rate. With warm-up it is above 0 from the first step on."""
    rise = max(1, round(options.warmup * steps)) if options.warmup else 0

    def factor(step: int) -> float:
        if step < rise:
            return (step + 1) / (rise + 1)
        done = (step - rise) / max(1, steps - rise)
        if options.schedule == "linear":
            return max(0.0, 1 - done)
        if options.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
        return 1.0

    return factor


def _optimizer(parameters: Sequence[dict[str, Any]], options: LoopOptions) -> torch.optim.Optimizer:
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[options.optimizer]
    return kind(
        parameters,
        lr=options.learning_rate,
        weight_decay=options.weight_decay,
        betas=tuple(options.betas),
    )


def _loader(photos: Dataset[Any], options: LoopOptions) -> DataLoader[Any]:
    order = {}
    if not isinstance(photos, IterableDataset):
        order["sampler"] = RandomSampler(photos, generator=torch.Generator())
    return DataLoader(
        photos, options.batch_size, num_workers=options.workers, drop_last=False, **order
    )


def _start_epoch(loader: Any, photos: Any, epoch: int) -> None:
    if hasattr(photos, "set_epoch"):
        photos.set_epoch(epoch)
    if hasattr(loader, "set_epoch"):
        loader.set_epoch(epoch)


def _average(model: nn.Module, options: LoopOptions) -> torch.optim.swa_utils.AveragedModel | None:
    if not options.average_decay:
        return None
    decay = torch.optim.swa_utils.get_ema_multi_avg_fn(options.average_decay)
    return torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=decay, use_buffers=True)


def _check_finite(loss: torch.Tensor, progress: _Progress) -> None:
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss.item()} at step {progress.step}; lower the learning rate, clip the "
            "gradient, or take bf16 or no mixed precision"
        )


def _log(
    accelerator: Accelerator, losses: dict[str, torch.Tensor], schedule: Any, step: int
) -> None:
    values = {f"train/{name}": float(value.detach()) for name, value in losses.items()}
    accelerator.log({**values, "train/rate": schedule.get_last_lr()[0]}, step=step)


def _scores(
    accelerator: Accelerator,
    model: nn.Module,
    evaluate: Callable[[nn.Module], dict[str, float]] | None,
) -> dict[str, float]:
    if evaluate is None:
        return {}
    model.eval()
    return {
        f"val/{name}": value for name, value in evaluate(accelerator.unwrap_model(model)).items()
    }


def is_first_process() -> bool:
    """Whether this one writes the run; of torchrun's group, which has ended with the loop."""
    return os.environ.get("RANK", "0") == "0"
