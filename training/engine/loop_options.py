"""The options of the training loop."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoopOptions:
    """Optimiser, schedule and checkpoints of one call of `training.engine.loop.fit`."""

    epochs: int = 15
    batch_size: int = 16
    """Photos in a batch, on each device."""
    accumulation: int = 1
    """Batches whose gradients are summed for one step."""
    learning_rate: float = 1e-3
    weight_decay: float = 1e-5
    optimizer: str = "adamw"
    """adamw or adam."""
    betas: tuple[float, float] = (0.9, 0.999)
    schedule: str = "constant"
    """constant, linear (down to zero) or cosine."""
    warmup: float = 0.0
    """Share of the steps in which the learning rate rises; at least one step if above 0."""
    clip: float = 0.0
    """Largest norm of the gradient; 0 for no clipping."""
    precision: str = "no"
    """no, fp16 or bf16: mixed-precision arithmetic."""
    average_decay: float = 0.0
    """Above 0, an exponential moving average of the weights is kept and returned."""
    workers: int = 0
    """Processes that read photos."""
    seed: int = 0
    validate_epochs: int = 1
    """Epochs between two validations; the last epoch is always validated."""
    checkpoint_steps: int = 0
    """Steps between checkpoints; one is also written after every epoch. 0 for none between."""
