"""Checkpoints of the training loop: written whole, and read by a run of the same options alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from accelerate import Accelerator

    from training.engine.loop import LoopOptions


def save(accelerator: Accelerator, checkpoint: Path, options: LoopOptions) -> None:
    """A checkpoint takes the place of the last one only when it is whole."""
    fresh = checkpoint.with_name("next")
    if accelerator.is_main_process:
        shutil.rmtree(fresh, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(fresh))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (fresh / "options.json").write_text(json.dumps(asdict(options)))
        shutil.rmtree(checkpoint, ignore_errors=True)
        fresh.rename(checkpoint)


def load(accelerator: Accelerator, checkpoint: Path, options: LoopOptions) -> bool:
    """Whether there was one. Raises UsageError: it is of a run with other options."""
    if not checkpoint.is_dir():
        return False
    before = json.loads((checkpoint / "options.json").read_text())
    now = json.loads(json.dumps(asdict(options)))
    changed = sorted(key for key in now if before.get(key) != now[key] and key != "workers")
    if changed:
        raise UsageError(
            f"{checkpoint}: is of a run with other {', '.join(changed)}; name another RUN folder, "
            "or delete this one"
        )
    accelerator.load_state(str(checkpoint))
    return True
