from pathlib import Path

import pytest

from seqlab.errors import UserError
from seqlab.watching.alerts import Alert
from seqlab.watching.output import AlertOutput


def test_a_file_is_appended_to_and_cut_where_a_state_says(alert: Alert, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before\n")
    output = AlertOutput(path, as_json=True)
    output.write([alert])
    state = output.state()
    output.write([alert, alert])
    output.close()
    assert path.read_text() == "before\n" + f"{alert.to_json()}\n" * 3
    again = AlertOutput(path, as_json=True, state=state)
    again.write([alert])
    again.close()
    assert path.read_text() == "before\n" + f"{alert.to_json()}\n" * 2
    path.write_text("before\n")
    with pytest.raises(UserError, match="shorter than"):
        AlertOutput(path, as_json=True, state=state)


def test_two_watches_do_not_write_into_one_file(tmp_path: Path) -> None:
    output = AlertOutput(tmp_path / "out", as_json=True)
    with pytest.raises(UserError, match="another seqlab detect"):
        AlertOutput(tmp_path / "out", as_json=True)
    output.close()
    AlertOutput(tmp_path / "out", as_json=True).close()


def test_a_full_disk_is_one_message(alert: Alert) -> None:
    output = AlertOutput(Path("/dev/full"), as_json=True)
    with pytest.raises(UserError, match="No space left"):
        output.write([alert])
