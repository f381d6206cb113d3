from collections.abc import Callable

import numpy as np
import pytest
import torch

from seqlab.errors import UserError, memory_error, memory_message, shown

DATA = {"batch_tokens": 524288, "batch_size": 64, "normal": None, "piece_length": 512, "seed": 0}


def raised(function: Callable, *arguments: object) -> Exception:
    with pytest.raises((MemoryError, RuntimeError)) as caught:
        function(*arguments)
    return caught.value


def test_a_memory_error_says_what_to_lower() -> None:
    error = raised(torch.empty, 2**50)
    assert memory_error(error) is error
    assert memory_message(error, DATA) == (
        "not enough memory to allocate 4503599627370496 bytes: lower data.batch_tokens (now 524288), "
        "data.batch_size (now 64), data.piece_length (now 512), or the sizes of model.network"
    )
    assert str(memory_message(error)).endswith(": give the file in smaller parts, or use a machine with more")


def test_the_errors_of_every_library_are_known() -> None:
    for error in (raised(np.empty, 2**50), MemoryError()):
        assert memory_error(error) is error
    full = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total ...")
    assert memory_error(full) is full
    said = "not enough GPU memory to allocate 2.00 GiB: lower data.batch_size (now 8), or the sizes of "
    assert memory_message(full, {"batch_size": 8}) == f"{said}model.network"
    wrapped = ValueError("in another library's words")
    wrapped.__cause__ = full
    assert memory_error(wrapped) is full
    assert memory_error(raised(torch.zeros(2, 3).view, 5)) is None
    assert memory_message(ValueError("out of memory")) is None


def test_a_bad_value_is_repeated_on_one_line_and_cut() -> None:
    assert shown("a\nb\tc\x1b[31m\u202e\ud800") == r"a\nb\tc\x1b[31m\u202e\ud800"
    assert shown("값 　é") == "값 　é"
    assert shown("x" * 200) == "x" * 200
    assert shown("x" * 200_000) == "x" * 200 + "... (200,000 characters)"
    assert len(shown("\x00" * 200)) < 250


def test_no_message_can_steer_a_terminal() -> None:
    assert str(UserError("a\x1b[2Jb\r\n\tc")) == "a\\x1b[2Jb\\r\n\tc"
