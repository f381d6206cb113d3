"""The ways in which the life of an HDFS block goes wrong: six kinds, each from several recipes.

Each recipe breaks a law that ``hdfs_recipes`` states for normal lives, so no abnormal life can come out
identical to a normal one. About a quarter of them show a key that is rare among normal lives; the others are
made of everyday keys, with a count or an order that does not fit.
"""

from __future__ import annotations

from seqlab.data.samples.hdfs_recipes import (
    BODY,
    DELETE,
    DELETE_TWO,
    OPEN,
    PIPELINE,
    READ,
    VERIFY,
    Recipe,
    Step,
    choice,
    orders,
)


def put_before(phrase: str, event: str, place: int) -> str:
    """``phrase`` with ``event`` put before its ``place``-th event."""
    events = phrase.split()
    return " ".join((*events[:place], event, *events[place:]))


def swapped_bodies() -> Step:
    """Bodies in which one replica is received before any responder has ended for it: 9 runs ahead of 11."""
    bodies = []
    for place in range(3):
        pipelines = [PIPELINE] * 3
        pipelines[place] = "9 11"
        bodies += [
            f"{' '.join(pipelines)} 26 26 26",
            f"{pipelines[0]} {pipelines[1]} 26 26 {pipelines[2]} 26",
            f"{pipelines[0]} 26 {pipelines[1]} {pipelines[2]} 26 26",
        ]
    return choice(bodies)


LIFE = (READ.maybe(0.3), DELETE.maybe(0.8))
LIFE_OF_TWO = (READ.maybe(0.3), DELETE_TWO.maybe(0.8))

TWO_WRITTEN = choice({"11 9 11 9 26 26": 7.0, "11 9 26 11 9 26": 3.0})
TWO_STORED = choice({"11 9 11 9 11 9 26 26": 6.0, "11 9 11 9 26 11 9 26": 2.0, "11 9 26 11 9 11 9 26": 2.0})
FAILED_COPY = choice({"25 18 17": 4.0, "25 18 5 7": 2.0, "25 18 5 14 7": 1.0, "25 29": 2.0, "25": 2.0})

FAILED_READS = choice(["4"])
DELETE_WITH_FAILED_READ = choice(
    ["23 23 23 4 21 21 21", "23 4 23 23 21 21 21", "23 23 23 21 21 4 21", "23 23 23 21 21 21 4"]
)

DELETE_WITH_ERROR = choice(["23 23 23 21 20 21 21", "23 23 23 21 21 20 21", "23 23 23 21 21 21 20"])
FILES_GO_FIRST = choice(
    ["21 23 23 23 21 21", "23 21 21 23 23 21", "23 23 21 21 21 23", "21 21 21 23 23 23", "21 21 21"]
)
EARLY_DELETE = choice(
    ["23 26 23 23 21 21 21", "23 23 23 21 21 28 26 21", "23 23 26 23 21 21 21", "23 23 23 26 21 21 21"]
)
BUSY_READ = choice(["3 3 4", "4 3 4", "4 4 3", "3 3"])

REDUNDANT_IN_BODY = choice(
    [
        "11 9 11 9 11 9 26 26 27 26",
        "11 9 11 9 11 9 26 26 26 27",
        "11 9 11 9 11 9 26 27 26 26",
        "11 9 26 27 11 9 11 9 26 26",
    ]
)
STORED_AGAIN = choice(
    ["11 9 11 9 11 9 26 26 26 26", "11 9 26 11 9 11 9 26 26 26", "11 9 11 9 26 26 11 9 26 26"]
)
AFTER_DELETE = choice(["28", "26", "27", "28 26"])

HALF_OPEN = choice({"5 22": 4.0, "22 5": 3.0, "5 5 22": 3.0, "5 22 5": 2.0, "22 5 5": 1.0})
BROKEN_WRITE = choice(["7", "14 7", "11 10 14 7", "7 10"])
CUT_BODY = choice(["11 9", "11 9 11 9", "11", "11 9 11", "11 9 26 11 9", "11 9 11 9 26"])

OUT_OF_TURN_WRITE = choice(
    [f"{put_before(order, '26', 1)} 11 9 11 9 11 9 26 26" for order in orders("5", "5", "5", "22")]
    + [f"{put_before('5 5 5 22', '11', place)} 9 11 9 11 9 26 26 26" for place in (2, 3)]
    + ["22 11 5 5 5 9 11 9 11 9 26 26 26", "5 5 5 11 9 22 11 9 11 9 26 26 26"]
    + ["5 5 11 9 22 5 11 9 11 9 26 26 26", "5 5 11 9 22 5 11 9 26 11 9 26 26"]
)

ABNORMAL_RECIPES: tuple[Recipe, ...] = (
    Recipe("lost_replica", 3.0, (OPEN, TWO_WRITTEN, *LIFE_OF_TWO)),
    Recipe("lost_replica", 2.0, (OPEN, TWO_STORED, *LIFE_OF_TWO)),
    Recipe("lost_replica", 2.5, (OPEN, BODY, READ.maybe(0.5), DELETE_TWO)),
    Recipe("lost_replica", 2.5, (OPEN, BODY, READ.maybe(0.3), FAILED_COPY, *LIFE)),
    Recipe(
        "serving_exception", 3.0, (OPEN, BODY, VERIFY.maybe(0.3), FAILED_READS.times(3, 6), DELETE.maybe(0.8))
    ),
    Recipe(
        "serving_exception", 4.0, (OPEN, BODY, READ.times(1, 3), FAILED_READS.times(4, 8), DELETE.maybe(0.8))
    ),
    Recipe("serving_exception", 3.0, (OPEN, BODY, READ.times(1, 2), DELETE_WITH_FAILED_READ)),
    Recipe("unexpected_delete", 3.0, (OPEN, BODY, READ.maybe(0.3), DELETE_WITH_ERROR)),
    Recipe("unexpected_delete", 3.0, (OPEN, BODY, READ.maybe(0.3), FILES_GO_FIRST)),
    Recipe("unexpected_delete", 2.0, (OPEN, TWO_STORED, EARLY_DELETE)),
    Recipe(
        "unexpected_delete",
        2.0,
        (OPEN, BODY, choice(["23 21"]), BUSY_READ.times(1, 3), choice(["23 23 21 21"])),
    ),
    Recipe("redundant_add_stored_block", 4.0, (OPEN, REDUNDANT_IN_BODY, *LIFE)),
    Recipe("redundant_add_stored_block", 3.0, (OPEN, STORED_AGAIN, *LIFE)),
    Recipe(
        "redundant_add_stored_block", 1.5, (OPEN, BODY, READ, choice(["26", "27"]), READ, DELETE.maybe(0.8))
    ),
    Recipe("redundant_add_stored_block", 1.5, (OPEN, BODY, READ.maybe(0.3), DELETE, AFTER_DELETE)),
    Recipe("stuck_pipeline", 3.0, (HALF_OPEN,)),
    Recipe("stuck_pipeline", 3.0, (HALF_OPEN, BROKEN_WRITE)),
    Recipe("stuck_pipeline", 4.0, (OPEN, CUT_BODY)),
    Recipe("write_out_of_order", 6.0, (OPEN, swapped_bodies(), VERIFY.maybe(0.1), *LIFE)),
    Recipe("write_out_of_order", 4.0, (OUT_OF_TURN_WRITE, VERIFY.maybe(0.1), *LIFE)),
)
