"""The training loop of all systems.

It runs on the CPU, one GPU, or many (`torchrun -m training.train_...`, `accelerate launch -m ...`),
in float32 or mixed precision, with gradient accumulation. It writes TensorBoard logs and
checkpoints. A run that is resumed from a checkpoint ends with the same weights as an uninterrupted
one.
"""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Any

import click
import torch
from accelerate import Accelerator
from accelerate.utils import DataLoaderConfiguration, ProjectConfiguration, set_seed
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset, IterableDataset, RandomSampler

from training.engine.checkpoints import load_checkpoint, save_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from training.engine.loop_options import LoopOptions

    Losses = dict[str, torch.Tensor]
    LossFunction = Callable[[nn.Module, torch.Tensor, torch.Tensor], Losses]
    Validate = Callable[[nn.Module], dict[str, float]]

_REPORT_EVERY_S = 30.0


def fit(
    model: nn.Module,
    loss_function: LossFunction,
    photos: Dataset[Any],
    run: Path,
    options: LoopOptions,
    validate: Validate | None = None,
    groups: Iterable[dict[str, Any]] | None = None,
    report: Callable[[str], None] = click.echo,
) -> nn.Module:
    """Trains the parameters of `model` that require gradients.

    Args:
        model: The network; it is changed in place.
        loss_function: Maps (model, inputs [B, ...], rows int64 [B]) to named scalar losses. `loss`
            is minimised, the others are logged. It must call `model(...)`, because several GPUs
            wrap the model.
        photos: Yields (inputs, row). `set_epoch`, if there is one, is called before each epoch.
        run: The folder that gets checkpoints/ and tensorboard/. Training resumes from a checkpoint
            in it.
        options: Optimiser, schedule and checkpoints.
        validate: Computes scores for the log after each epoch.
        groups: Parameter groups of the optimiser, if learning rates differ.
        report: Prints a line of progress.

    Returns:
        The trained network in evaluation mode.

    Raises:
        UsageError: The folder holds a checkpoint of other options.
        FloatingPointError: The loss is not finite.
    """
    session = _Session(model, loss_function, photos, run, options, groups, report)
    session.resume()
    for epoch in range(session.progress.epoch, options.epochs):
        mean_loss = session.train_epoch(epoch)
        session.save_checkpoint()
        session.validate(validate, epoch, mean_loss)
    return session.finish()


class _Progress:
    """The position of a run; part of its checkpoints."""

    def __init__(self) -> None:
        self.epoch = self.batch = self.step = 0

    def state_dict(self) -> dict[str, int]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, int]) -> None:
        vars(self).update(state)


class _Session:
    """The state of one call of `fit`: everything that a checkpoint saves and restores."""

    def __init__(
        self,
        model: nn.Module,
        loss_function: LossFunction,
        photos: Dataset[Any],
        run: Path,
        options: LoopOptions,
        groups: Iterable[dict[str, Any]] | None,
        report: Callable[[str], None],
    ) -> None:
        set_seed(options.seed)
        self.options, self.photos, self.loss_function = options, photos, loss_function
        self.checkpoint = run / "checkpoints" / "last"
        self.accelerator = _accelerator(run, options)
        trainable = [p for p in model.parameters() if p.requires_grad]
        optimizer = _optimizer(list(groups or [{"params": trainable}]), options)
        self.model, self.optimizer, self.loader = self.accelerator.prepare(
            model, optimizer, _loader(photos, options)
        )
        self.batches = len(self.loader)
        steps = options.epochs * -(-self.batches // options.accumulation)
        self.schedule = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer.optimizer, learning_rate_factor(steps, options)
        )
        self.average = _average(self.accelerator.unwrap_model(self.model), options)
        self.progress = _Progress()
        self.reporter = _Reporter(report, self.accelerator.is_main_process)
        saved = [self.schedule, self.progress, *([self.average] if self.average else [])]
        self.accelerator.register_for_checkpointing(*saved)

    def resume(self) -> None:
        """Restores the last checkpoint if there is one."""
        if load_checkpoint(self.accelerator, self.checkpoint, self.options):
            self.reporter.report_everywhere(
                f"resuming after epoch {self.progress.epoch}, step {self.progress.step}"
            )
        self.accelerator.init_trackers("tensorboard")

    def save_checkpoint(self) -> None:
        save_checkpoint(self.accelerator, self.checkpoint, self.options)

    def train_epoch(self, epoch: int) -> float:
        """Trains on the batches of an epoch that were not seen before the last checkpoint.

        Returns:
            The mean loss of these batches.
        """
        for part in (self.photos, self.loader):
            if hasattr(part, "set_epoch"):
                part.set_epoch(epoch)
        skipped = self.progress.batch
        loader = self.loader
        if skipped:
            loader = self.accelerator.skip_first_batches(loader, skipped)
        self.model.train()
        self.reporter.start_epoch()
        total = 0.0
        for batch, (inputs, rows) in enumerate(loader, start=skipped):
            total += self.train_batch(epoch, batch, inputs, rows)
            mean = total / (batch + 1 - skipped)
            self.reporter.report_at_intervals(
                f"epoch {epoch + 1}: batch {batch + 1}/{self.batches}, loss {mean:.4f}"
            )
        self.progress.epoch, self.progress.batch = epoch + 1, 0
        return total / max(1, self.batches - skipped)

    def train_batch(
        self, epoch: int, batch: int, inputs: torch.Tensor, rows: torch.Tensor
    ) -> float:
        """Adds the gradients of one batch, and makes a step when enough are summed.

        Returns:
            The loss of the batch.
        """
        # Dropout must not depend on whether the run was resumed.
        torch.manual_seed(hash((self.options.seed, epoch, batch, self.accelerator.process_index)))
        with self.accelerator.accumulate(self.model), self.accelerator.autocast():
            losses = self.loss_function(self.model, inputs, rows)
            _check_finite(losses["loss"], self.progress.step)
            self.accelerator.backward(losses["loss"])
            if self.accelerator.sync_gradients and self.options.clip:
                self.accelerator.clip_grad_norm_(self.model.parameters(), self.options.clip)
            self.optimizer.step()
            self.optimizer.zero_grad()
        if self.accelerator.sync_gradients:
            self.finish_step(batch, losses)
        return float(losses["loss"].detach())

    def finish_step(self, batch: int, losses: Losses) -> None:
        """Updates schedule, average, log and checkpoint after a step of the optimiser."""
        if not self.optimizer.step_was_skipped:
            self.schedule.step()
        if self.average:
            self.average.update_parameters(self.accelerator.unwrap_model(self.model))
        self.progress.batch, self.progress.step = batch + 1, self.progress.step + 1
        values = {f"train/{name}": float(value.detach()) for name, value in losses.items()}
        values["train/rate"] = self.schedule.get_last_lr()[0]
        self.accelerator.log(values, step=self.progress.step)
        every = self.options.checkpoint_steps
        if every and self.progress.step % every == 0:
            self.save_checkpoint()

    def validate(self, validate: Validate | None, epoch: int, mean_loss: float) -> None:
        """Logs and reports the scores after an epoch."""
        scores = {}
        last = epoch + 1 == self.options.epochs
        if validate is not None and (last or (epoch + 1) % self.options.validate_epochs == 0):
            model = self.average.module if self.average else self.model
            model.eval()
            scores = validate(self.accelerator.unwrap_model(model))
        named = {f"val/{name}": value for name, value in scores.items()}
        self.accelerator.log(named, step=self.progress.step)
        text = ", ".join(f"{name} {value:.4g}" for name, value in named.items())
        self.reporter.report(
            f"epoch {epoch + 1}/{self.options.epochs}: loss {mean_loss:.4f} {text}"
        )

    def finish(self) -> nn.Module:
        """Closes the log and returns the trained network."""
        self.accelerator.end_training()
        trained = self.accelerator.unwrap_model(self.model)
        if self.average:
            trained.load_state_dict(self.average.module.state_dict())
        return trained.eval()


class _Reporter:
    """Prints progress from the main process, within an epoch at intervals."""

    def __init__(self, report: Callable[[str], None], is_main_process: bool) -> None:
        self.report_everywhere = report
        self._is_main_process = is_main_process
        self._last_s = time.monotonic()

    def start_epoch(self) -> None:
        self._last_s = time.monotonic()

    def report(self, text: str) -> None:
        if self._is_main_process:
            self.report_everywhere(text)

    def report_at_intervals(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= _REPORT_EVERY_S:
            self._last_s = now_s
            self.report(text)


def learning_rate_factor(steps: int, options: LoopOptions) -> Callable[[int], float]:
    """Returns a function step -> factor of the learning rate.

    With warm-up the factor is above 0 from the first step on.
    """
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


def _accelerator(run: Path, options: LoopOptions) -> Accelerator:
    return Accelerator(
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


def _optimizer(groups: Sequence[dict[str, Any]], options: LoopOptions) -> torch.optim.Optimizer:
    kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[options.optimizer]
    return kind(
        groups,
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


def _average(model: nn.Module, options: LoopOptions) -> AveragedModel | None:
    if not options.average_decay:
        return None
    update = get_ema_multi_avg_fn(options.average_decay)
    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


def _check_finite(loss: torch.Tensor, step: int) -> None:
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss.item()} at step {step}; lower the learning rate, clip the "
            "gradient, or use bf16 or no mixed precision"
        )


def is_first_process() -> bool:
    """Whether this process of torchrun's group writes the run. Also valid after the loop."""
    return os.environ.get("RANK", "0") == "0"
