"""A callback that ends the process where training would take its first step."""

import os
import sys
from typing import Any

from pytorch_lightning.callbacks import Callback


class LeaveAtFirstStep(Callback):
    """Exits with code 0 once the first batch is gathered: what came before was launching."""

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        sys.stdout.flush()
        os._exit(0)
