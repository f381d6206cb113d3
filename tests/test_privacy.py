"""What is a secret, and what stands in its place."""

from pathlib import Path

import pytest
from omegaconf import OmegaConf

from seqlab.privacy import hidden, hide_in_file, is_secret, lost, told, told_words


@pytest.mark.parametrize(
    "name",
    [
        *("token", "+token", "hf_token", "logger.wandb.api_key", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY"),
        *("AWS_ACCESS_KEY_ID", "apiKey", "accessToken", "db.password", "client_secret", "credentials", "key"),
        *("passphrase", "Authorization", "private_key"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("data.batch_tokens", "max_tokens", "token_dropout", "tokenizer", "unk_token", "loss_per_token"),
        *("session_key", "keys", "num_keys", "monitor", "monkey", "PWD", "PATH", "", "api", "data.path"),
    ],
)
def test_names_of_settings(name: str) -> None:
    assert not is_secret(name)


def test_values_are_hidden_by_key_wherever_they_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "0123456789abcdef")
    content = {
        "logger": {"wandb": {"api_key": "abc", "tags": ["a", "x=0123456789abcdef"], "token": None}},
        "env": [{"PASSWORD": 1234}, "db.password=a b, c"],
        "url": "postgresql://bob:pass@host/db",
        "credentials": {"user": "bob"},
        "auth_token": "${oc.env:AUTH_TOKEN}",
        "lr": 0.1,
        "text": "sent with api_key: abc and x=token='d e f', 'Authorization: Bearer abc', to u",
    }
    assert hidden(content) == {
        "logger": {"wandb": {"api_key": "***", "tags": ["a", "x=***"], "token": None}},
        "env": [{"PASSWORD": "***"}, "db.password=***"],
        "url": "postgresql://***@host/db",
        "credentials": "***",
        "auth_token": "${oc.env:AUTH_TOKEN}",
        "lr": 0.1,
        "text": "sent with api_key: *** and x=token=***, 'Authorization: ***', to u",
    }


def test_the_home_folder_is_told_as_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/bob")
    paths = [
        "/home/bob/data",
        "/home/bobby/data",
        "/mnt/home/bob/x",
        "file:///home/bob",
        "in '/home/bob/a b'",
    ]
    assert told(paths) == ["~/data", *paths[1:3], "file://~", "in '~/a b'"]
    assert hidden(paths) == paths
    assert told_words(["train.py", "data.path=/home/bob/x", "+x.token=a b", "+x@y=2"]) == [
        *("train.py", "data.path=~/x", "+x.token=***", "+x@y=2")
    ]


def test_a_config_keeps_all_but_secrets(tmp_path: Path) -> None:
    path = tmp_path / "multirun.yaml"
    hide_in_file(path)  # there is none
    plain = "lr: 1e-3\nseed: ${other}\n"
    path.write_text(plain, encoding="utf-8")
    hide_in_file(path)
    assert path.read_text(encoding="utf-8") == plain
    path.write_text(
        f"{plain}words: [+x.token=abc, 'a=${{oc.env:HOME}}']\nenv:\n  A_TOKEN: abc\n", encoding="utf-8"
    )
    hide_in_file(path)
    found = OmegaConf.to_container(OmegaConf.load(path))
    words = ["+x.token=***", "a=${oc.env:HOME}"]
    assert found == {"lr": 1e-3, "seed": "${other}", "words": words, "env": {"A_TOKEN": "***"}}
    assert list(map(lost, words)) == [True, False]
