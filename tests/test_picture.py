"""The README's picture is what its script draws."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree


def test_the_picture_is_drawn_by_its_script(load_script: Callable[[str], Any]) -> None:
    script = load_script("benchmarks/picture.py")
    assert script.PICTURE.read_text(encoding="utf-8") == script.picture()
    labels = [each.text or "" for each in ElementTree.fromstring(script.picture()).iter()]
    assert {"Files", "Network", "Report", "best.ckpt"} <= set(labels)
