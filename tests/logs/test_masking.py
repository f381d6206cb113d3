"""The general masks by hand, one by one and all together."""

import polars as pl
import pytest

from seqlab.logs.formats import GENERAL, mask, mask_pattern


@pytest.mark.parametrize(
    ("name", "message", "expected"),
    [
        ("address", "from /10.251.1.2:50010, 10.0.0.1", "from <var>, <var>"),
        ("host", "www.example.com:443 at www.example.com", "<var> at www.example.com"),
        ("path", "open /var/log/x-1.log or/and", "open <var> or/and"),
        ("hexadecimal", "0x1F 00efe838 Token@1b2c3d4 deadbeef added", "<var> <var> Token@<var> <var> added"),
        ("hexadecimal", "id=b9000564-fe1a-409b-b8cc-1e88b294cd1d.", "id=<var>."),
        ("hexadecimal", "via 3c:d9:2b:aa:00:1f", "via <var>"),
        ("number", "took -3.5 s, node-12, eth0 x_7", "took <var>.<var> s, node<var>, eth0 x_7"),
    ],
)
def test_one_mask(name: str, message: str, expected: str) -> None:
    assert mask(pl.Series([message]), mask_pattern((), (name,))).to_list() == [expected]
    others = tuple(other for other in GENERAL if other != name)
    assert mask(pl.Series([message]), mask_pattern((), others)).to_list() != [expected]


def test_all_masks_or_none() -> None:
    messages = pl.Series(["blk_7 of 10.0.0.1:80 at db.example.com:5432 in /data/x, 0xff, 12"])
    assert mask(messages, mask_pattern((r"blk_\d+",))).to_list() == [
        "<var> of <var> at <var> in <var>, <var>, <var>"
    ]
    assert mask(messages, mask_pattern((), ())).to_list() == messages.to_list()
