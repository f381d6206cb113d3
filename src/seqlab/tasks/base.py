"""The base LightningModule: optimizer, scheduler, losses."""

from __future__ import annotations

import inspect
import re
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import pytorch_lightning as pl
import torch
from torch import Tensor, distributed, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from seqlab.contracts import check_members, full_name
from seqlab.data.module import TestSetLockedError
from seqlab.errors import UserError
from seqlab.tasks.means import CountedMean, StageCounts

if TYPE_CHECKING:
    from seqlab.tasks.graphs import Graph

BatchT = TypeVar("BatchT")
OF_TEST = ("test/", "oracle/")  # figures that nothing may decide by


class Losses(NamedTuple):
    """What a batch adds to the counted means."""

    nll: Tensor  # () summed loss, in nats, over all things counted
    correct: Tensor | None  # () right first guesses; None where nothing is guessed
    num_units: Tensor  # () things counted: windows, tokens, ...


class EventScores(NamedTuple):
    """How a batch's P predicted events struck the network."""

    nll: Tensor  # (P,) float32, -log p(event), in nats
    rank: Tensor  # (P,) int64, keys that were held for more likely: 0 is a right first guess
    delay_loss: Tensor | None = None  # (P,) float32, -log p(bucket of the delay), in nats; 0 without a delay
    delay_nll: Tensor | None = None  # (P,) float32, -log p(a delay at least as long), in nats


class SequenceTask(pl.LightningModule, Generic[BatchT]):
    """A network with a loss, its metrics and what to score.

    Args:
        network: batches to outputs.
        optimizer: parameters to an optimizer.
        scheduler: optimizer (and ``total_steps`` where it asks for it) to a scheduler; None keeps the rate.
        monitor: the validation metric the model is judged by; a plateau scheduler watches it.

    Raises:
        UserError: a network that lacks what ``contract`` asks for.
    """

    batch_type: ClassVar[type]
    contract: ClassVar[type | None] = None  # of seqlab.networks.contracts, where the network is held to one
    splits_validation: ClassVar[bool] = True  # False where a batch needs the state of the one before

    def __init__(
        self,
        network: nn.Module,
        optimizer: Callable[..., Optimizer] | None = None,
        scheduler: Callable[..., LRScheduler] | None = None,
        monitor: str = "val/loss",
    ) -> None:
        super().__init__()
        if self.contract is not None:
            check_members(network, self.contract, type(self).__name__)
        self.network = network
        self.optimizer_factory = optimizer
        self.scheduler_factory = scheduler
        self.monitor = monitor
        self.evaluation: Any = None  # of seqlab.evaluation: what judges it, for Trainer.test and predicting
        self.judge: Any = None  # what the evaluation fitted; Trainer.test fits it where there is none
        self.train_loss = CountedMean()
        self.val_counts = StageCounts()
        self.test_counts = StageCounts()
        # units of the first batch and of all batches of a step that several share; None between steps
        self._first_units: Tensor | None = None
        self._step_units: Tensor | None = None

    @abstractmethod
    def losses(self, batch: BatchT) -> Losses:
        """Summed loss, right guesses and count of a batch. Padding is in none of them."""

    def try_network(self, batch: BatchT, sizes: Mapping[str, int]) -> None:
        """Run the network on a batch, and compare what it gives with what this task expects.

        Args:
            sizes: of the data.

        Raises:
            UserError: other shapes; says what was expected and what came.
        """
        self.losses(batch)

    def one_pass(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> Graph:
        """The network as a graph of tensors, for `seqlab export`.

        Args:
            sizes: of the data.
            data: its state, as checkpoints keep it.

        Raises:
            UserError: there is none.
        """
        raise self.no_graph(
            f"{type(self).__name__} has no one_pass, which says what goes in and what comes out"
        )

    def graphs(self, sizes: Mapping[str, int], data: Mapping[str, Any]) -> dict[str, Graph]:
        """The graphs that `seqlab export` writes, by name: one, except where a search runs between them."""
        return {"model": self.one_pass(sizes, data)}

    def no_graph(self, reason: str) -> UserError:
        """What to say of a network that is not exported."""
        network = f"{full_name(self.network)} of {type(self).__name__}"
        return UserError(f"{network} cannot be exported: {reason}; `seqlab predict` runs every model")

    def on_fit_start(self) -> None:
        """Refuse what would decide by a figure of the test split: early stopping, checkpoints, schedulers.

        Raises:
            TestSetLockedError: names it and its metric.
        """
        watching = [(each, getattr(each, "monitor", None)) for each in self.trainer.callbacks]  # type: ignore[attr-defined]
        watching += [(each.scheduler, each.monitor) for each in self.trainer.lr_scheduler_configs]
        for each, metric in watching:
            if str(metric).startswith(OF_TEST):
                raise TestSetLockedError(
                    f"{type(each).__name__}(monitor={metric}): the test set is locked for all that decides; "
                    "watch a validation metric (val/...)"
                )

    def log(self, name: str, *values: Any, **settings: Any) -> None:
        """Log a figure, as Lightning does.

        Raises:
            TestSetLockedError: ``test/...`` or ``oracle/...``, outside of testing.
        """
        if name.startswith(OF_TEST) and not self.trainer.testing:
            raise TestSetLockedError(
                f"{full_name(self)} logs {name} outside of testing: {' and '.join(OF_TEST)} come after "
                "all is decided; log it as val/..."
            )
        super().log(name, *values, **settings)

    def training_step(self, batch: BatchT, batch_idx: int) -> Tensor:
        losses = self.losses(batch)
        nll, num_units, processes = losses.nll.detach(), losses.num_units, self.trainer.world_size
        self.train_loss.update(nll, num_units)
        if processes > 1:  # sums over the whole batch
            sums = torch.stack([nll.double(), num_units.to(nll.device).double()])
            distributed.all_reduce(sums)
            nll, num_units = sums[0].float(), sums[1].float()
        if (self.global_step + 1) % self.trainer.log_every_n_steps == 0:  # type: ignore[attr-defined]
            self.log("train/step_loss", nll / num_units, on_step=True, on_epoch=False)
        # gradients are averaged over processes: this makes them those of the whole batch's mean
        group = self.trainer.accumulate_grad_batches
        if group == 1:
            return losses.nll * (processes / num_units)
        if batch_idx % group == 0 or self._first_units is None:
            self._first_units = self._step_units = num_units
        else:
            assert self._step_units is not None
            self._step_units = self._step_units + num_units
        # Lightning divides by the number of batches; what counts is units, whose sum is known at the step
        return losses.nll * (group * processes / self._first_units)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Gradients of several batches become those of their union's mean loss.

        Each batch was divided by the units of the first; a last group of fewer batches has its own sum.
        """
        if self._first_units is None or self._step_units is None:
            return
        gradients = [weight.grad for weight in self.parameters() if weight.grad is not None]
        torch._foreach_mul_(gradients, (self._first_units / self._step_units).to(self.device))
        self._first_units = self._step_units = None

    def on_train_epoch_end(self) -> None:
        self.log("train/loss", self.train_loss, prog_bar=True)

    def validation_step(self, batch: BatchT, batch_idx: int) -> None:
        """Several processes take validation batches in turn; counts are summed over them."""
        processes = self.trainer.world_size
        shared = self.splits_validation and self.trainer.num_val_batches[0] >= processes
        if not shared or batch_idx % processes == self.global_rank:
            self.count(batch, self.val_counts)

    def on_validation_epoch_end(self) -> None:
        self._log_counts("val", self.val_counts)

    def before_test(self, datamodule: Any) -> bool:
        """Let the evaluation decide all that it decides; whether there is one."""
        if self.evaluation is not None and self.judge is None:
            self.judge, _ = self.evaluation.fit(self, datamodule)
        return self.evaluation is not None

    def test_step(self, batch: BatchT, batch_idx: int) -> None:
        """Counts losses, where no evaluation reads the test split itself at the end."""
        if self.evaluation is None:
            self.count(batch, self.test_counts)

    def on_test_epoch_end(self) -> None:
        """Log the main figures of metrics.json; without an evaluation, loss and accuracy."""
        if self.evaluation is None:
            self._log_counts("test", self.test_counts)
            return
        with torch.inference_mode(False):
            outcome = self.evaluation.test(self, self.trainer.datamodule, self.judge)  # type: ignore[attr-defined]
        main = {name: value for name, value in outcome.metrics.items() if re.fullmatch("test/[^/]+", name)}
        self.log_dict(main)

    def count(self, batch: BatchT, counts: StageCounts) -> None:
        """Add a validation or test batch to the counts of its stage."""
        counts.add(*self.losses(batch))

    def figures(self, counts: StageCounts) -> dict[str, Tensor]:
        """() figures of a stage beside loss and accuracy."""
        return counts.figures.compute() if counts.figures is not None else {}

    def _log_counts(self, stage: str, counts: StageCounts) -> None:
        self.log(f"{stage}/loss", counts.loss, prog_bar=stage == "val")
        if counts.accuracy.has_counts:
            self.log(f"{stage}/accuracy", counts.accuracy)
        self.log_dict({f"{stage}/{name}": value for name, value in self.figures(counts).items()})
        if counts.figures is not None:
            counts.figures.reset()

    def configure_optimizers(self) -> Any:
        if self.optimizer_factory is None:
            raise UserError("this task was built for scoring: give it an optimizer to train it")
        optimizer = self.optimizer_factory(self.parameters())
        if self.scheduler_factory is None:
            return optimizer
        known = {}
        if "total_steps" in inspect.signature(self.scheduler_factory).parameters:
            known["total_steps"] = self._total_steps()
        scheduler = self.scheduler_factory(optimizer, **known)
        by_epoch = isinstance(scheduler, ReduceLROnPlateau)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": "epoch" if by_epoch else "step",
                "monitor": self.monitor,
            },
        }

    def _total_steps(self) -> int:
        steps = self.trainer.estimated_stepping_batches
        if steps == float("inf"):
            raise UserError(
                "this scheduler needs to know how long training lasts, and trainer.max_epochs=-1 sets no "
                "end: give trainer.max_epochs or trainer.max_steps, or choose scheduler=constant or plateau"
            )
        return int(steps)
