import os
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("parse", "a.log", "--ouput", "x"),
            "unknown argument --ouput; did you mean --output? See seqlab parse",
        ),
        (
            ("parse", "a.log", "--ouput=x"),
            "unknown argument --ouput; did you mean --output? See seqlab parse",
        ),
        (("calibrate", "a.ckpt", "b", "--outptu", "x"), "unknown argument --outptu; did you mean --output?"),
        (("export", "a.ckpt", "--ouput", "x"), "unknown argument --ouput; did you mean --output?"),
        (("detect", "a.ckpt", "a.log", "--folow"), "unknown argument --folow; did you mean --follow?"),
        (("detect", "a.ckpt", "a.log", "--zzz"), "unknown argument --zzz. See seqlab detect --help"),
    ],
)
def test_an_unknown_argument_is_named_with_the_nearest_one(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {message}")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("parse",), "required: LOG"),
        (("parse", "a.log", "--out"), "argument --output: expected one argument"),
        (("detect", "a.ckpt", "a.log", "--idle", "soon"), "argument --idle: invalid float value: 'soon'"),
        (("detect", "a.ckpt", "a.log", "b.log"), "unrecognized arguments: b.log"),
        (("export",), "required: checkpoint"),
    ],
)
def test_other_mistakes_are_told_as_argparse_does(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err


def test_a_shell_is_told_what_may_follow(tmp_path: Path) -> None:
    pytest.importorskip("argcomplete", reason="pip install -e '.[completion]'")
    for line, expected in [
        ("seqlab comp", {"compare"}),
        ("seqlab compare --js", {"--json"}),
        ("seqlab sweep --engine ", {"optuna", "ray"}),
    ]:
        answer = tmp_path / "answer"
        variables = {"_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        variables |= {"_ARGCOMPLETE_STDOUT_FILENAME": str(answer), "_ARGCOMPLETE_IFS": "\n"}
        program = [sys.executable, "-m", "seqlab.cli"]
        subprocess.run(program, env=os.environ | variables, check=False, capture_output=True)
        assert {word.strip() for word in answer.read_text().split("\n")} == expected
