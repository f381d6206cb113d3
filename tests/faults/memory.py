"""A callback that writes down how much memory the process holds after every epoch."""

from pathlib import Path
from typing import Any

from pytorch_lightning.callbacks import Callback


class WriteMemory(Callback):
    """Appends the resident set, in pages, to a file: a line an epoch."""

    def __init__(self, path: str) -> None:
        self.path = Path(path)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        with self.path.open("a", encoding="ascii") as file:
            file.write(f"{pages}\n")
