"""Visits to a shop, from JSON lines: what pages were seen, and how the visit ended."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqlab.data.labelled import LabelledItems, NewItems
from seqlab.data.labelled_data import LabelledData
from seqlab.data.labelled_events import EventCoder
from seqlab.data.module import Profile
from seqlab.errors import UserError

FORMAT = 'one visit a line, as {"visit": "v1", "pages": ["home", "search"], "end": "leaves"}'
# what the made-up visits come down to; between these pages others are drawn
ENDS = {"buys": ("home", "item", "cart", "pay"), "asks": ("home", "item", "help"), "leaves": ("home", "item")}
BETWEEN = ("search", "item", "list", "reviews")


def read_visits(path: str | Path) -> list[dict[str, Any]]:
    """The lines of a file, each with ``visit`` and ``pages``.

    Raises:
        UserError: a line that is no such visit; names it.
    """
    found = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            visit = json.loads(line)
            found.append(visit | {"line": number, "text": " ".join(visit["pages"])})
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{path}, line {number}: not a visit; expected {FORMAT}") from None
    return found


@dataclass(frozen=True, kw_only=True)
class VisitCoder(EventCoder):
    """A visit's events are its pages."""

    def read_new(self, path: Path) -> NewItems:
        visits = read_visits(path)
        return NewItems([visit["text"] for visit in visits], [visit["visit"] for visit in visits], 0)


class Visits(LabelledData):
    """Visits with how they ended; settings are those of LabelledData."""

    noun = "visit"

    def read(self, path: str | Path) -> LabelledItems:
        visits = read_visits(path)
        return LabelledItems(
            texts=tuple(visit["text"] for visit in visits),
            labels=tuple(str(visit.get("end")) for visit in visits),
            lines=np.array([visit["line"] for visit in visits]),
            source=str(path),
            ids=tuple(visit["visit"] for visit in visits),
        )

    def simulate(self) -> LabelledItems:
        """``sample.num_visits`` made-up visits."""
        self.notices.append("Synthetic data: made-up visits to a shop, not people")
        rng = random.Random(self.sample["seed"])
        labels = tuple(rng.choice(list(ENDS)) for _ in range(self.sample["num_visits"]))
        texts = tuple(
            " ".join(step for page in ENDS[end] for step in (page, *rng.sample(BETWEEN, rng.randint(0, 2))))
            for end in labels
        )
        names = tuple(f"v{number}" for number in range(len(labels)))
        return LabelledItems(texts, labels, np.arange(len(labels)), "data.sample", names)

    def fit_coder(self, train: LabelledItems) -> VisitCoder:
        coder = VisitCoder(
            labels=tuple(sorted(set(train.labels))),
            unit="event",
            noun=self.noun,
            boundaries=self.boundaries,
            max_length=self.max_length,
        )
        return coder.with_vocabulary(train, self.min_count)

    # What the leak audit says of a run. LabelledData answers all three; these speak of pages and visits.

    def profile(self, split: str) -> Profile:
        return super().profile(split)._replace(lacks="a page that training never showed")

    def fitted_on(self) -> dict[str, str]:
        return {"pages and ends": f"{len(self._splits['train']):,} training visits"}

    def split_rule(self) -> str:
        return f"{super().split_rule()}, equal visits together"
