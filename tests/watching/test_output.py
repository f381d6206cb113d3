from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.watching.alerts import Alert, Guess, LineRef, Surprise
from seqlab.watching.output import AlertOutput

ALERT = Alert(
    block="blk_1",
    score_name="nll_max",
    score=12.5,
    threshold=9.0,
    status="open",
    reason="certain",
    events=3,
    first_time="2008-11-09 20:36:15",
    last_time="2008-11-09 20:37:15",
    surprise=Surprise(3, "8", "Deleting block <*>", 12.5, 7, unseen=False),
    expected=(Guess("5", "Receiving block <*>", 0.75), Guess("<eos>", "(the block ends)", 0.2)),
    counts=(),
    lines=(LineRef(2, "a.log", 10, "one"), LineRef(3, "a.log", 20, None)),
)


def test_a_file_is_appended_to_and_cut_where_a_state_says(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before\n")
    output = AlertOutput(path, as_json=True)
    output.write([ALERT])
    length = output.length()
    output.write([ALERT, ALERT])
    output.close()
    assert path.read_text() == "before\n" + f"{ALERT.to_json()}\n" * 3
    again = AlertOutput(path, as_json=True, length=length)
    again.write([ALERT])
    again.close()
    assert path.read_text() == "before\n" + f"{ALERT.to_json()}\n" * 2
    with pytest.raises(UserError, match="shorter than"):
        AlertOutput(path, as_json=True, length=100_000)


def test_two_watches_do_not_write_into_one_file(tmp_path: Path) -> None:
    output = AlertOutput(tmp_path / "out", as_json=True)
    with pytest.raises(UserError, match="another seqlab detect"):
        AlertOutput(tmp_path / "out", as_json=True)
    output.close()
    AlertOutput(tmp_path / "out", as_json=True).close()


def test_a_full_disk_is_one_message() -> None:
    output = AlertOutput(Path("/dev/full"), as_json=True)
    with pytest.raises(UserError, match="No space left"):
        output.write([ALERT])
