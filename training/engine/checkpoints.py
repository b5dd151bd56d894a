"""Checkpoints of the training loop."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from accelerate import Accelerator

    from training.engine.loop_options import LoopOptions

OPTIONS_FILE = "options.json"


def save_checkpoint(accelerator: Accelerator, checkpoint: Path, options: LoopOptions) -> None:
    """Writes a checkpoint. The previous one is replaced only when the new one is complete."""
    draft = checkpoint.with_name("next")
    if accelerator.is_main_process:
        shutil.rmtree(draft, ignore_errors=True)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(draft))
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        (draft / OPTIONS_FILE).write_text(json.dumps(asdict(options)))
        shutil.rmtree(checkpoint, ignore_errors=True)
        draft.rename(checkpoint)


def load_checkpoint(accelerator: Accelerator, checkpoint: Path, options: LoopOptions) -> bool:
    """Restores a checkpoint if there is one.

    Returns:
        Whether there was one.

    Raises:
        UsageError: The checkpoint belongs to a run with other options.
    """
    if not checkpoint.is_dir():
        return False
    before = json.loads((checkpoint / OPTIONS_FILE).read_text())
    now = json.loads(json.dumps(asdict(options)))
    changed = sorted(key for key in now if before.get(key) != now[key] and key != "workers")
    if changed:
        raise UsageError(
            f"{checkpoint}: belongs to a run with other {', '.join(changed)}; name another RUN "
            "folder, or delete this one"
        )
    accelerator.load_state(str(checkpoint))
    return True
