from collections import Counter

import pytest

from seqlab.data.samples.tickets import simulate_tickets
from seqlab.errors import UserError


def test_tickets_are_drawn_by_their_own_seed() -> None:
    first, again, other = (simulate_tickets(num_texts=100, seed=seed) for seed in (0, 0, 1))
    assert (first.texts, first.labels) == (again.texts, again.labels)
    assert first.texts != other.texts


def test_kinds_are_unevenly_many_and_some_tickets_are_misfiled() -> None:
    found = simulate_tickets(num_texts=2000)
    counts = Counter(found.labels)
    assert len(counts) == 5
    assert counts["delivery"] > 2 * counts["return"]
    logins = [label for text, label in zip(found.texts, found.labels, strict=True) if "log in" in text]
    assert 0 < sum(label != "account" for label in logins) < 0.1 * len(logins)


def test_too_few_are_refused() -> None:
    with pytest.raises(UserError, match=r"data\.sample\.num_texts=59: give a whole number, at least 60"):
        simulate_tickets(num_texts=59)
