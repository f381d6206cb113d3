"""The speed that is shown while a log is read."""

from types import SimpleNamespace

import pytest

from seqlab.logs.progress import LineProgress


@pytest.mark.parametrize(("resumed", "speeds", "before"), [(True, [0, 50], 1000), (False, [200, 150], 0)])
def test_lines_of_an_earlier_run_are_not_of_this_ones_speed(
    monkeypatch: pytest.MonkeyPatch, resumed: bool, speeds: list[float], before: int
) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("seqlab.logs.progress.time", SimpleNamespace(perf_counter=lambda: clock.now))
    found = []
    with LineProgress([], resumed) as progress:
        for lines, clock.now in ((1000, 5.0), (1500, 10.0)):
            progress(lines, lines * 50)
            found.append(progress._bar.tasks[0].fields["rate"])
        clock.now = 12.0
    assert found == speeds
    assert (progress.lines_before, progress.seconds) == (before, 12.0)
