import subprocess
import sys

import pytest

from seqlab.cli import COMMANDS, main


def test_help_names_every_command_and_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "seqlab.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    for command, meaning in COMMANDS.items():
        assert command in done.stdout
        assert meaning.split(";")[0].split()[0] in done.stdout
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "seqlab" in loaded
    assert not loaded & {"torch", "pytorch_lightning", "pandas", "hydra"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("no.ckpt", "no.csv"), "error: no.csv: no such file; the path is relative to "),
        (("no.ckpt", __file__), "error: no.ckpt: no such checkpoint; the path is relative to "),
        ((__file__, __file__), f"error: {__file__}: cannot be read as a checkpoint: "),
        (("no.ckpt", __file__, "--output", "no/out.csv"), "error: no/out.csv: the folder no does not exist"),
    ],
)
def test_a_mistake_is_one_line_and_code_two(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(("predict", *arguments)) == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1
