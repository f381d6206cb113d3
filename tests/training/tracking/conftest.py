from typing import Any

import pytest


@pytest.fixture(scope="package")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An MLflow store of these tests; its tables are made once."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture(scope="package", autouse=True)
def no_account(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A home without a W&B key."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_DATA_DIR", "NETRC"):
            patch.delenv(name, raising=False)
        yield
