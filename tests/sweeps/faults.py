"""A callback that goes wrong on demand: trials of the tests load it by its name."""

import os
import signal
import time
from typing import Any

from pytorch_lightning.callbacks import Callback


class Fault(Callback):
    def __init__(self, kind: str = "none") -> None:
        self.kind = kind

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        time.sleep(float(os.environ.get("FAULT_SECONDS", "0")))
        if self.kind == "crash":
            raise RuntimeError("the disk is on fire")
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        if self.kind == "diverge":
            for parameter in pl_module.parameters():
                parameter.data.mul_(float("nan"))
