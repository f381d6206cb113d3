"""Which labelled sequence goes where: each label is divided alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seqlab.data.labelled_items import LabelledItems
from seqlab.errors import UserError


def divide_items(
    items: LabelledItems,
    shares: Sequence[float],
    seed: int,
    *,
    origin: str,
    things: str,
    together: bool = True,
) -> list[LabelledItems]:
    """Split the sequences of each label by seed; a label of too few for every split is in the first.

    Args:
        origin: where they are from, for the message.
        things: what they are called there.
        together: every copy of a sequence goes where the sequence goes, under the label that it has most
            often; False: each goes by itself.

    Raises:
        UserError: too few for every part to have one.
    """
    names = items.texts if together else tuple(map(str, range(len(items))))
    numbers: dict[str, int] = {}
    kinds = np.array([numbers.setdefault(name, len(numbers)) for name in names])
    seen: list[Counter[str]] = [Counter() for _ in numbers]
    for kind, label in zip(kinds.tolist(), items.labels, strict=True):
        seen[kind][label] += 1
    labels = np.array([counts.most_common(1)[0][0] for counts in seen])
    rng = np.random.default_rng(seed)
    part_of_kind = np.zeros(len(numbers), dtype=np.int64)
    for label in sorted(set(labels)):
        own = rng.permutation(np.flatnonzero(labels == label))
        place = 0
        for part in range(len(shares) - 1, 0, -1):
            size = int(len(own) * shares[part] / sum(shares) + 0.5)
            size = min(size, len(own) - place - 1)  # one at least for training
            part_of_kind[own[place : place + size]] = part
            place += size
    # a label that only items of another label have may stand outside the first part: training needs it
    copies = list(zip(kinds.tolist(), items.labels, strict=True))
    known = {label for kind, label in copies if part_of_kind[kind] == 0}
    for kind, label in copies:
        if label not in known:
            part_of_kind[kind] = 0
            known |= set(seen[kind])
    parts = [items.take(np.flatnonzero(part_of_kind[kinds] == part)) for part in range(len(shares))]
    if min(map(len, parts)) == 0:
        distinct = "distinct " if together else ""
        raise UserError(
            f"{origin}: {len(numbers)} {distinct}{things} of {len(set(labels))} labels are too few for a "
            f"split of {list(shares)}"
        )
    return parts
