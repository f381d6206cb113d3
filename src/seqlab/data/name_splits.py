"""Which labelled name goes where: each label is divided alike, equal names stay together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from seqlab.data.name_files import LabelledNames
from seqlab.errors import UserError


def divide_names(
    names: LabelledNames, shares: Sequence[float], seed: int, *, origin: str, things: str
) -> list[LabelledNames]:
    """Split the distinct names of each label by seed; every copy of a name goes where the name goes.

    A name's label is here the one that it has most often. A label of too few names for every split is in
    the first.

    Args:
        origin: where the names are from, for the message.
        things: what they are called there.

    Raises:
        UserError: too few names for every part to have one.
    """
    numbers: dict[str, int] = {}
    kinds = np.array([numbers.setdefault(name, len(numbers)) for name in names.names])
    seen: list[Counter[str]] = [Counter() for _ in numbers]
    for kind, label in zip(kinds.tolist(), names.labels, strict=True):
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
    # a label that only names of another label have may stand outside the first part: training needs it
    copies = list(zip(kinds.tolist(), names.labels, strict=True))
    known = {label for kind, label in copies if part_of_kind[kind] == 0}
    for kind, label in copies:
        if label not in known:
            part_of_kind[kind] = 0
            known |= set(seen[kind])
    parts = [names.take(np.flatnonzero(part_of_kind[kinds] == part)) for part in range(len(shares))]
    if min(map(len, parts)) == 0:
        raise UserError(
            f"{origin}: {len(numbers)} distinct {things} of {len(set(labels))} labels are too few for a "
            f"split of {list(shares)}"
        )
    return parts
