"""Which run of which tracker a training is: kept in checkpoints, so that a resumed one goes on with it."""

from __future__ import annotations

from collections.abc import Iterable

from pytorch_lightning.loggers import Logger, MLFlowLogger, WandbLogger


def tracker_ids(loggers: Iterable[Logger]) -> dict[str, str]:
    """``wandb`` and ``mlflow`` to the id of their run, as far as they run.

    Loggers of the same kind share a key: the last one's id stays.
    """
    kinds = {"wandb": WandbLogger, "mlflow": MLFlowLogger}
    return {
        name: str(logger.version)
        for logger in loggers
        for name, kind in kinds.items()
        if isinstance(logger, kind) and logger.version is not None
    }
