from collections.abc import Sequence
from typing import Any, Literal, Optional

import pytest
import torch
from torch import Tensor

from seqlab.training.setting_types import annotations_of, misfit


@pytest.mark.parametrize(
    ("value", "annotation", "instead"),
    [
        (3, int, None),
        (True, int, "a whole number"),
        (1.5, int, "a whole number"),
        ("abc", float, "a number"),
        (1, float, None),
        (1, bool, "true or false"),
        (None, int, "a whole number"),
        (None, int | None, None),
        ("x", Optional[int], "a whole number or null"),  # noqa: UP045 - as Lightning writes it
        ("16", Literal["32", 16], "32 or 16"),
        (16, Literal["32", 16] | None, None),
        ("abc", float | Tensor, "a number"),
        ("abc", float | str, None),
        ("abc", Sequence[float], None),
        ("abc", Any, None),
    ],
)
def test_what_a_value_is_to_be_instead(value: object, annotation: object, instead: str | None) -> None:
    assert misfit(value, annotation) == instead


class Base:
    def __init__(self, *, rate: float = 1.0, width: str = "wide") -> None:
        self.rate = rate


class Derived(Base):
    def __init__(self, *, width: int, **settings: float) -> None:
        super().__init__(**settings)


def test_annotations_of_base_classes_count_where_the_class_has_none() -> None:
    assert {"rate": float, "width": int}.items() <= annotations_of(Derived).items()
    assert annotations_of(torch.optim.Adam)["eps"] is float
    assert annotations_of(len) == {}


def test_a_name_that_only_type_checkers_know_is_passed_over() -> None:
    namespace: dict[str, Any] = {}
    exec("def build(size: 'Unknown') -> None: ...", namespace)
    assert annotations_of(namespace["build"]) == {}
