import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from seqlab.alerts.alert import Alert
from seqlab.alerts.output import AlertOutput
from seqlab.errors import UserError


def write(path: Path, *alerts: Alert, as_json: bool = True) -> None:
    output = AlertOutput(path, as_json=as_json)
    output.write(list(alerts))
    output.sync()
    output.close()


def test_a_file_is_appended_to(alert: Alert, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before\n")
    write(path, alert)
    write(path, alert, as_json=False)
    assert path.read_text() == f"before\n{alert.to_json()}\n{alert.to_text()}\n"


@pytest.mark.parametrize("kept", [1, 16, 60])
def test_a_half_alert_of_an_earlier_process_is_cut_off(kept: int, alert: Alert, tmp_path: Path) -> None:
    path, line = tmp_path / "out", f"{alert.to_json()}\n"
    path.write_text("of another day\n" + line + line[:kept])
    write(path, alert)
    assert path.read_text() == "of another day\n" + line + line
    path.write_text(line[:kept])  # the first one of a file
    write(path)
    assert path.read_text() == ""


def test_a_half_line_of_somebody_else_is_ended_and_stays(alert: Alert, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("half a li")
    write(path, alert)
    assert path.read_text() == f"half a li\n{alert.to_json()}\n"


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


@pytest.mark.parametrize("before", ["", "before\n"])
def test_a_disk_that_fills_up_leaves_whole_alerts(before: str, alert: Alert, tmp_path: Path) -> None:
    path, line = tmp_path / "out", f"{alert.to_json()}\n"
    path.write_text(before)
    output = AlertOutput(path, as_json=True)
    limit = room_for(len(before) + len(line) + len(line) // 2)
    with limit, pytest.raises(UserError, match="File too large"):
        output.write([alert, alert])
    output.close()
    write(path, alert)  # what was torn is cut off
    assert path.read_text() == before + line + line


def test_devices_take_alerts(alert: Alert) -> None:
    write(Path("/dev/null"), alert)
