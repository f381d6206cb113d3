import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.training.tracking.wandb import MODES, asked_mode, choose_mode, has_key, is_reachable

KEY = "k" * 40


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without a key, and an environment that says nothing of W&B or of proxies."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[str]:
    """The address of something that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def nobody() -> str:
    """An address that takes none."""
    with socket.create_server(("127.0.0.1", 0)) as closing:
        return f"http://127.0.0.1:{closing.getsockname()[1]}"


@pytest.mark.parametrize(
    ("mode", "environment", "expected"),
    [
        (None, {}, None),
        ("online", {"WANDB_MODE": "offline"}, "online"),
        ("disabled", {}, "disabled"),
        (None, {"WANDB_MODE": "offline"}, "offline"),
        (None, {"WANDB_MODE": "dryrun"}, "offline"),
        (None, {"WANDB_MODE": "run"}, "online"),
        (None, {"WANDB_MODE": ""}, None),
        (None, {"WANDB_DISABLED": "true"}, "disabled"),
        ("offline", {"WANDB_DISABLED": "true"}, "offline"),
    ],
)
def test_the_config_wins_over_the_environment(
    mode: str | None, environment: dict[str, str], expected: str | None
) -> None:
    assert asked_mode(mode, environment) == expected


@pytest.mark.parametrize(
    ("mode", "environment", "named"),
    [("of", {}, "logger.wandb.mode=of: "), (None, {"WANDB_MODE": "on"}, "WANDB_MODE=on: ")],
)
def test_another_mode_is_told_where_it_stands(
    mode: str | None, environment: dict[str, str], named: str
) -> None:
    with pytest.raises(UserError) as caught:
        choose_mode(mode, environment)
    assert str(caught.value).startswith(named + f"choose {', '.join(MODES)}")


def test_a_key_is_found_where_wandb_reads_it(tmp_path: Path) -> None:
    own, cloud = "https://wandb.example.org", "https://api.wandb.ai"
    assert not has_key(own, {})
    assert has_key(own, {"WANDB_API_KEY": KEY})
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {KEY}\n", encoding="utf-8")
    assert has_key(cloud, {})
    assert not has_key(own, {"WANDB_BASE_URL": own})
    other = tmp_path / "other"
    other.write_text(f"machine wandb.example.org login user password {KEY}\n", encoding="utf-8")
    assert has_key(own, {"WANDB_BASE_URL": own, "NETRC": str(other)})
    other.write_text("machine\n", encoding="utf-8")
    assert not has_key(own, {"NETRC": str(other)})


def test_only_a_server_that_answers_is_reachable(
    server: str, nobody: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_reachable(server)
    assert not is_reachable(nobody)
    assert not is_reachable("http://")
    monkeypatch.setenv("http_proxy", server)  # what stands between us and every server
    assert is_reachable("http://wandb.invalid")
    monkeypatch.setenv("http_proxy", nobody.removeprefix("http://"))
    assert not is_reachable(server)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert is_reachable(server)


@pytest.mark.parametrize("mode", [None, "online"])
def test_online_needs_a_key_and_a_server(mode: str | None, server: str, nobody: str) -> None:
    chosen, notice = choose_mode(mode, {"WANDB_BASE_URL": server})
    assert (chosen, notice.split(":")[0]) == ("offline", "W&B has no API key here (wandb login)")
    chosen, notice = choose_mode(mode, {"WANDB_BASE_URL": nobody, "WANDB_API_KEY": KEY})
    assert (chosen, notice.split(": ")[0]) == ("offline", f"{nobody} cannot be reached")
    assert choose_mode(mode, {"WANDB_BASE_URL": server, "WANDB_API_KEY": KEY}) == ("online", "")


@pytest.mark.parametrize("mode", ["offline", "disabled"])
def test_what_is_asked_for_needs_no_notice(mode: str) -> None:
    assert choose_mode(mode, {}) == (mode, "")
