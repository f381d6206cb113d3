"""What a plain Lightning script needs before its first training step: a GRU on windows of random keys."""

import pytorch_lightning as pl
import torch
import torch.nn.functional as F
from first_step import LeaveAtFirstStep
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


class NextKey(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(32, 32)
        self.recurrent = nn.GRU(32, 128, batch_first=True)
        self.output = nn.Linear(128, 32)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        windows, keys = batch
        return F.cross_entropy(self.output(self.recurrent(self.embedding(windows))[0][:, -1]), keys)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters())


if __name__ == "__main__":
    drawn = TensorDataset(torch.randint(32, (8000, 16)), torch.randint(32, (8000,)))
    trainer = pl.Trainer(accelerator="cpu", max_epochs=1, logger=False, callbacks=[LeaveAtFirstStep()])
    trainer.fit(NextKey(), DataLoader(drawn, batch_size=64, shuffle=True))
