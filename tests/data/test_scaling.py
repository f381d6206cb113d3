import numpy as np
import pytest

from seqlab.data.scaling import Scaler

VALUES = np.array([[1.0, -3.0, 5.0], [3.0, 1.0, 5.0]])


@pytest.mark.parametrize(
    ("scaling", "centered", "expected"),
    [
        ("standard", True, [[-1, -1, 0], [1, 1, 0]]),
        ("minmax", True, [[0, 0, 0], [1, 1, 0]]),
        ("standard", False, [[1 / 5**0.5, -3 / 5**0.5, 1], [3 / 5**0.5, 1 / 5**0.5, 1]]),
        ("minmax", False, [[1 / 3, -1, 1], [1, 1 / 3, 1]]),
    ],
)
def test_scales_by_hand(scaling: str, centered: bool, expected: list) -> None:
    scaler = Scaler.fit(VALUES, scaling, centered=centered)
    np.testing.assert_allclose(scaler.encode(VALUES), expected, atol=1e-12)
    np.testing.assert_allclose(scaler.decode(scaler.encode(VALUES)), VALUES, atol=1e-12)


def test_a_scaler_comes_back_from_the_checkpoint() -> None:
    scaler = Scaler.fit(VALUES, "standard")
    again = Scaler.from_state(scaler.state())
    assert again.encode(VALUES).tolist() == scaler.encode(VALUES).tolist()
