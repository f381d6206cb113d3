"""What may happen in the life of an HDFS block: the recipes from which the simulator draws.

A life is a sequence of steps, a step a weighted choice among short phrases of event keys. Normal lives keep
these laws, and every abnormal life breaks at least one of them:

- one allocation (22), before any packet responder ends (11), replica is received (9) or stored (26);
- at no point more 9 than 11 nor more 11 than receiving replicas (5), and no replica stored before all are
  receiving unless it has been received;
- unless the log ends before the block is stored, every replica that did not fail (7) comes to one 11, 9 and
  26 (copies: 6 and 26), and at no point are there more 26 than 5;
- as many 23 and 21 as 26, or none; no 23 before the last 26, at no point more 21 than 23, no 20 once
  deletion has begun, nothing after its end;
- reads that fail (4) come with reads that succeed (3): at most three 4 after the last 3; once deletion is
  asked for (23), at most one 3 and no 4;
- every copy asked for (25) is started (18), sent (16) and received (6);
- a redundant addStoredBlock (27) only after a new replica was asked for (25) or a write failed (7).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import permutations

SYNTHETIC_NOTICE = (
    "Synthetic data: these HDFS block lives come from seqlab's seeded simulator, not from a cluster. "
    "Numbers measured on them say nothing about real logs."
)

# The messages of HDFS, numbered as in loghub's template list; ``<*>`` stands for one word without spaces.
TEMPLATES: dict[str, str] = {
    "1": "Adding an already existing block <*>",
    "2": "Verification succeeded for <*>",
    "3": "<*> Served block <*> to <*>",
    "4": "<*>:Got exception while serving <*> to <*>:",
    "5": "Receiving block <*> src: <*> dest: <*>",
    "6": "Received block <*> src: <*> dest: <*> of size <*>",
    "7": "writeBlock <*> received exception java.io.IOException: Could not read from stream",
    "8": "PacketResponder <*> for block <*> Interrupted.",
    "9": "Received block <*> of size <*> from <*>",
    "10": "PacketResponder <*> <*> Exception java.io.IOException: Broken pipe",
    "11": "PacketResponder <*> for block <*> terminating",
    "13": "Receiving empty packet for block <*>",
    "14": "Exception in receiveBlock for block <*> java.io.IOException: Connection reset by peer",
    "15": "Changing block file offset of block <*> from <*> to <*> meta file offset to <*>",
    "16": "<*>:Transmitted block <*> to <*>",
    "17": "<*>:Failed to transfer <*> to <*> got java.io.IOException: Connection reset by peer",
    "18": "<*> Starting thread to transfer block <*> to <*>",
    "19": "Reopen Block <*>",
    "20": "Unexpected error trying to delete block <*>. BlockInfo not found in volumeMap.",
    "21": "Deleting block <*> file <*>",
    "22": "BLOCK* NameSystem.allocateBlock: <*> <*>",
    "23": "BLOCK* NameSystem.delete: <*> is added to invalidSet of <*>",
    "24": "BLOCK* Removing block <*> from neededReplications as it does not belong to any file.",
    "25": "BLOCK* ask <*> to replicate <*> to datanode(s) <*>",
    "26": "BLOCK* NameSystem.addStoredBlock: blockMap updated: <*> is added to <*> size <*>",
    "27": "BLOCK* NameSystem.addStoredBlock: Redundant addStoredBlock request received for <*> "
    "on <*> size <*>",
    "28": "BLOCK* NameSystem.addStoredBlock: addStoredBlock request received for <*> on <*> size <*> "
    "But it does not belong to any file.",
    "29": "PendingReplicationMonitor timed out block <*>",
    "31": "<*>:DataXceiver: java.io.IOException: Block <*> is valid, and cannot be written to.",
}

PIPELINE = "11 9"
STORED = "26"


@dataclass(frozen=True)
class Step:
    """One weighted choice among phrases, drawn ``least`` to ``most`` times (each number equally likely)."""

    phrases: tuple[str, ...]
    weights: tuple[float, ...]
    least: int = 1
    most: int = 1

    def times(self, least: int, most: int) -> Step:
        """The same choice, drawn ``least`` to ``most`` times in a row."""
        return replace(self, least=least, most=most)

    def maybe(self, chance: float) -> Step:
        """The same choice, taken with probability ``chance``; otherwise nothing happens."""
        total = sum(self.weights) / chance
        return replace(self, phrases=("", *self.phrases), weights=(total * (1.0 - chance), *self.weights))


@dataclass(frozen=True)
class Recipe:
    """One way in which a normal variant or an anomaly kind comes about; weights compare within a label."""

    kind: str
    weight: float
    steps: tuple[Step, ...]


def choice(weights: dict[str, float] | Iterable[str]) -> Step:
    """A step from phrase weights, or from equally likely phrases."""
    table = weights if isinstance(weights, dict) else dict.fromkeys(weights, 1.0)
    return Step(tuple(table), tuple(table.values()))


def orders(*events: str) -> list[str]:
    """Every distinct order of ``events``, each as one phrase."""
    return [" ".join(order) for order in sorted(set(permutations(events)))]


def weighted_orders(events: tuple[str, ...], usual: dict[str, float], other: float) -> dict[str, float]:
    """Every distinct order of ``events``: the usual ones with their weight, all others with ``other``."""
    return {phrase: usual.get(phrase, other) for phrase in orders(*events)}


OPEN = choice({"5 5 5 22": 45.0, "5 5 22 5": 22.0, "5 22 5 5": 21.0, "22 5 5 5": 12.0})
BODY = choice(
    weighted_orders(
        (PIPELINE,) * 3 + (STORED,) * 3,
        usual={
            "11 9 11 9 11 9 26 26 26": 74.0,
            "11 9 11 9 26 26 11 9 26": 8.0,
            "11 9 26 11 9 11 9 26 26": 5.0,
            "11 9 11 9 26 11 9 26 26": 3.0,
            "26 26 26 11 9 11 9 11 9": 2.0,
            "11 9 11 9 26 26 26 11 9": 1.5,
        },
        other=0.08,
    )
)
VERIFY = choice({"2": 60.0, "2 2": 25.0, "2 2 2": 15.0})
READ = choice({"3 3 4": 44.0, "4 3 4": 22.0, "4 4 3": 16.0, "3": 8.0, "3 3": 4.0, "3 4": 3.0, "4 3": 3.0})
LONG_READ = choice(
    {
        "3 3 4 3 3 4 3 3 4": 40.0,
        "3 3 3 3 3 3 3": 30.0,
        "4 4 4 4 4 4 4 4 4 3 4 4": 15.0,
        "3 3 4 3 4 4 3 3": 15.0,
    }
)
DELETE = choice(["23 23 23 21 21 21"])
DELETE_TWO = choice(["23 23 21 21"])
SLOW_DELETE = choice(
    {
        "23 23 21 23 21 21": 5.0,
        "23 21 23 23 21 21": 3.0,
        "23 23 21 21 23 21": 2.0,
        "23 21 23 21 23 21": 2.0,
    }
)
LATE_READ_DELETE = choice(["23 3 23 23 21 21 21", "23 23 3 23 21 21 21", "23 23 23 3 21 21 21"])
COPY = choice(
    {
        "25 18 5 6 16 26": 45.0,
        "25 18 5 16 6 26": 35.0,
        "25 18 5 6 26 16": 10.0,
        "25 18 5 6 16 26 27": 6.0,
        "25 18 5 6 27 16 26": 4.0,
    }
)
RETRIED_OPEN = choice(
    {"5 22 5 7 5 5": 4.0, "5 5 22 7 5 5": 3.0, "22 5 7 5 5 5": 2.0, "5 22 7 5 5 5": 2.0, "5 5 5 22 7 5": 1.0}
)
SLOW_BODY = choice(
    {
        "11 9 11 11 9 9 26 26 26": 5.0,
        "11 11 9 9 11 9 26 26 26": 4.0,
        "11 9 26 11 11 9 9 26 26": 2.5,
        "11 11 9 9 26 26 11 9 26": 2.0,
        "11 11 9 11 9 9 26 26 26": 1.5,
        "11 11 11 9 9 9 26 26 26": 1.5,
        "11 11 9 26 9 26 11 9 26": 1.0,
        "11 9 11 11 9 9 26 2 26 26": 1.0,
    }
)
LATE_WRITE = choice(
    {
        "5 22 5 11 9 5 11 9 11 9 26 26 26": 4.0,
        "22 5 5 11 9 5 11 9 11 9 26 26 26": 3.0,
        "5 22 5 11 9 26 5 11 9 11 9 26 26": 2.0,
        "22 5 11 9 5 11 9 5 11 9 26 26 26": 1.5,
        "5 5 22 11 9 11 9 5 26 26 11 9 26": 1.5,
        "22 5 5 11 5 9 11 9 11 9 26 26 26": 1.5,
    }
)
WARNING = choice(
    {"15": 30.0, "13": 20.0, "1": 12.0, "8": 9.0, "19": 8.0, "24": 6.0, "29": 6.0, "31": 5.0, "20": 4.0}
)

NORMAL_RECIPES: tuple[Recipe, ...] = (
    Recipe("plain", 50.0, (OPEN, BODY, VERIFY.maybe(0.05), DELETE)),
    Recipe("open", 15.5, (OPEN, BODY, VERIFY.maybe(0.06))),
    Recipe(
        "read", 21.0, (OPEN, BODY, VERIFY.maybe(0.25), READ.times(1, 4), VERIFY.maybe(0.2), DELETE.maybe(0.9))
    ),
    Recipe("reader_heavy", 1.5, (OPEN, BODY, VERIFY.maybe(0.3), LONG_READ.times(4, 8), DELETE.maybe(0.85))),
    Recipe(
        "re_replication",
        0.9,
        (OPEN, BODY, READ.maybe(0.3), COPY, READ.maybe(0.2), choice(["23 23 23 23 21 21 21 21"])),
    ),
    Recipe("re_replication", 0.3, (OPEN, BODY, READ.maybe(0.3), COPY.times(1, 3))),
    Recipe(
        "re_replication",
        0.3,
        (OPEN, BODY, READ.maybe(0.5), COPY.times(3, 3), choice(["23 " * 6 + "21 21 21 21 21 21"])),
    ),
    Recipe(
        "client_retry",
        1.2,
        (RETRIED_OPEN, BODY, choice(["27"]).maybe(0.25), READ.maybe(0.3), DELETE.maybe(0.8)),
    ),
    Recipe("slow_responder", 2.2, (OPEN, SLOW_BODY, VERIFY.maybe(0.1), READ.maybe(0.2), DELETE.maybe(0.8))),
    Recipe("late_replica", 1.2, (LATE_WRITE, VERIFY.maybe(0.1), READ.maybe(0.2), DELETE.maybe(0.8))),
    Recipe(
        "two_replicas",
        1.6,
        (
            choice({"5 5 22": 5.0, "5 22 5": 3.0, "22 5 5": 2.0}),
            choice({"11 9 11 9 26 26": 7.0, "11 9 26 11 9 26": 3.0}),
            READ.times(1, 2).maybe(0.4),
            DELETE_TWO.maybe(0.8),
        ),
    ),
    Recipe("slow_delete", 1.6, (OPEN, BODY, READ.maybe(0.3), SLOW_DELETE)),
    Recipe("late_reader", 0.7, (OPEN, BODY, READ.times(1, 3), LATE_READ_DELETE)),
    Recipe("harmless_warning", 1.5, (OPEN, BODY, WARNING, READ.maybe(0.3), DELETE.maybe(0.8))),
    Recipe("unfinished", 0.8, (OPEN, choice(["11 9 11 9 11 9"]).maybe(0.4))),
)
