import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seqlab.alerts.alert import Alert
from seqlab.alerts.output import AlertOutput
from seqlab.errors import UserError


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


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Lets files of this process grow to so many bytes and no further, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:  # before pytest writes its own report into a file
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("before", ["", "before\n", "half a li"])
def test_a_disk_that_fills_up_leaves_whole_alerts(before: str, alert: Alert, tmp_path: Path) -> None:
    path, line = tmp_path / "out", f"{alert.to_json()}\n"
    path.write_text(before)
    output = AlertOutput(path, as_json=True)
    limit = room_for(len(before) + 1 + len(line) + len(line) // 2)
    with limit, pytest.raises(UserError, match="File too large"):
        output.write([alert, alert])
    output.close()
    whole = before + ("\n" if before.startswith("half") else "") + line
    assert path.read_text() == whole
    again = AlertOutput(path, as_json=True)
    again.write([alert])
    again.close()
    assert path.read_text() == whole + line


def test_a_line_that_somebody_left_unfinished_is_ended_first(alert: Alert, tmp_path: Path) -> None:
    path, line = tmp_path / "out", f"{alert.to_json()}\n"
    path.write_text('{"kind": "al')
    output = AlertOutput(path, as_json=True)
    state = output.state()
    assert path.read_text() == '{"kind": "al'  # nothing to tell, nothing written
    output.write([alert])
    output.write([alert])
    output.close()
    assert path.read_text() == '{"kind": "al\n' + line + line
    again = AlertOutput(path, as_json=True, state=state)
    again.write([alert])
    again.close()
    assert path.read_text() == '{"kind": "al\n' + line


def test_devices_take_alerts_of_any_number_of_watches(alert: Alert) -> None:
    outputs = [AlertOutput(Path("/dev/null"), as_json=True) for _ in range(2)]
    for output in outputs:
        output.write([alert])
        output.close()
