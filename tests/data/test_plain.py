from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from seqlab.data.plain import check_plain
from seqlab.errors import UserError


def test_what_a_checkpoint_can_hold_is_plain() -> None:
    check_plain({"a": [1, 2.5, True, None, "x", (b"y",)], 3: {"t": torch.zeros(2)}}, "state()")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"scale": {"mean": np.float64(1.5)}}, r"state\(\)\['scale'\]\['mean'\] is a numpy.float64"),
        ({"counts": [1, np.int64(2)]}, r"state\(\)\['counts'\]\[1\] is a numpy.int64"),
        ({"rows": np.zeros(2)}, r"state\(\)\['rows'\] is a numpy.ndarray.* array.tolist\(\)"),
        ({"seen": Counter("aab")}, r"state\(\)\['seen'\] is a collections.Counter"),
        ({"labels": {"a", "b"}}, r"state\(\)\['labels'\] is a builtins.set"),
        ({np.int64(3): "x"}, r"the key .*3.* of state\(\) is a numpy.int64"),
    ],
)
def test_what_it_cannot_is_named_by_key_and_type(value: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_plain(value, "state()")
