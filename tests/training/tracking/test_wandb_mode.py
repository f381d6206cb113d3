import inspect
from pathlib import Path

import pytest
from markupsafe import Markup

from seqlab.errors import UserError
from seqlab.report.page import Section, render_page
from seqlab.training.tracking.wandb import MODES, choose_mode, standalone_sections


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without a key, and an environment that says nothing of W&B."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_DISABLED", "WANDB_API_KEY", "WANDB_BASE_URL", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("mode", "variable", "expected"),
    [
        ("disabled", None, "disabled"),
        ("offline", "online", "offline"),
        (None, "offline", "offline"),
        (None, "disabled", "disabled"),
    ],
)
def test_the_config_wins_over_the_environment(
    mode: str | None, variable: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv("WANDB_MODE", variable)
    assert choose_mode(mode) == (expected, "")


@pytest.mark.parametrize(
    ("mode", "variable", "named"), [("of", "", "logger.wandb.mode=of: "), (None, "on", "WANDB_MODE=on: ")]
)
def test_another_mode_is_told_where_it_stands(
    mode: str | None, variable: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", variable)
    with pytest.raises(UserError) as caught:
        choose_mode(mode)
    assert str(caught.value).startswith(named + f"choose {', '.join(MODES)}")


@pytest.mark.parametrize("mode", [None, "online"])
def test_online_needs_a_key(mode: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr("wandb.login", lambda **settings: found[-1])
    found.append(False)
    chosen, notice = choose_mode(mode)
    assert (chosen, notice.split(":")[0]) == ("offline", "W&B has no API key here (wandb login)")
    found.append(True)
    assert choose_mode(mode) == ("online", "")


def test_a_key_is_looked_for_without_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    import wandb

    asked = []
    monkeypatch.setattr("wandb.login", lambda **settings: asked.append(settings))
    choose_mode("online")
    assert asked == [{"prompt": False, "verify": False}]
    assert set(asked[0]) <= set(inspect.signature(wandb.sdk.login).parameters)


def test_each_section_becomes_a_page_with_the_style_of_the_whole() -> None:
    sections = [
        Section("Loss & rate", Markup("<p>first</p>"), "A note <not> a tag."),
        Section("Figures", Markup('<svg viewBox="0 0 1 1"></svg>')),
    ]
    page = render_page("gru on logs", "seed 0", ["synthetic"], sections)
    found = standalone_sections(page)
    assert list(found) == ["Loss & rate", "Figures"]
    for own, other in (("<p>first</p>", "<svg"), ('<svg viewBox="0 0 1 1"></svg>', "<p>first</p>")):
        (part,) = [part for part in found.values() if own in part]
        assert other not in part
        assert part.startswith("<!DOCTYPE html>")
        assert page[page.index("<style>") : page.index("</style>")] in part
        assert part.endswith("</body>\n</html>\n")
    assert "A note &lt;not&gt; a tag." in found["Loss & rate"]


def test_a_page_of_another_make_has_none() -> None:
    assert standalone_sections("<html><head></head><body><section><h2>x</h2></section></body></html>") == {}
    assert standalone_sections("just text") == {}
