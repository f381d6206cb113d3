from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from seqlab.data.samples.hdfs_blocks import SimulatedBlocks, simulate_blocks
from seqlab.data.sequences import LABEL_NORMAL


@pytest.fixture(scope="module")
def crowded() -> SimulatedBlocks:
    """Many abnormal blocks, so that every recipe of every kind occurs."""
    return simulate_blocks(num_blocks=12_000, abnormal_share=0.5, seed=7)


def sessions_of(blocks: SimulatedBlocks, kind: str) -> list[list[str]]:
    found = [blocks.sessions.keys(number) for number, name in enumerate(blocks.kinds) if name == kind]
    assert found, f"no block of kind {kind}"
    return found


def outruns(keys: list[str], key: str, limit: str) -> bool:
    """Whether ``key`` has at any point occurred more often than ``limit``."""
    lead = 0
    for event in keys:
        lead += (event == key) - (event == limit)
        if lead > 0:
            return True
    return False


def after(keys: list[str], key: str, last: bool = False) -> list[str]:
    """What comes after the first (or last) ``key``; nothing if there is none."""
    if key not in keys:
        return []
    place = len(keys) - keys[::-1].index(key) if last else keys.index(key) + 1
    return keys[place:]


def before(keys: list[str], key: str) -> list[str]:
    return keys[: keys.index(key)] if key in keys else keys


def writes_in_order(keys: list[str]) -> bool:
    count = Counter(keys)
    allocated = count["22"] == 1 and not {"11", "9", "26"} & set(before(keys, "22"))
    receiving = [place for place, key in enumerate(before(keys, "25")) if key == "5"][-1]
    stored_early = outruns(keys[:receiving], "26", "9")
    return allocated and not outruns(keys, "9", "11") and not outruns(keys, "11", "5") and not stored_early


def write_is_complete(keys: list[str]) -> bool:
    count = Counter(keys)
    replicas = count["5"] - count["7"]
    responders = replicas - count["6"]
    unfinished = keys[:4].count("5") == 3 and keys[4:] in ([], ["11", "9"] * 3)
    return unfinished or (
        replicas >= 2 and count["26"] == replicas and count["11"] == count["9"] == responders
    )


def stores_what_it_receives(keys: list[str]) -> bool:
    return not outruns(keys, "26", "5") and "28" not in keys


def redundant_has_cause(keys: list[str]) -> bool:
    return "27" not in keys or bool({"25", "7"} & set(before(keys, "27")))


def deletes_in_order(keys: list[str]) -> bool:
    tail = after(keys, "23")
    whole = not tail or not after(keys, "21", last=True)
    return (
        not outruns(keys, "21", "23")
        and not {"26", "20", "28"} & set(tail)
        and len([key for key in tail if key in ("3", "4")]) <= 1
        and whole
    )


def deletes_every_replica(keys: list[str]) -> bool:
    count = Counter(keys)
    return count["23"] == count["21"] and count["23"] in (0, count["26"])


def serves(keys: list[str]) -> bool:
    if "4" not in keys:
        return True
    return "3" in keys and after(keys, "3", last=True).count("4") <= 3 and "4" not in after(keys, "23")


def copies_arrive(keys: list[str]) -> bool:
    count = Counter(keys)
    return count["25"] == count["18"] == count["16"] == count["6"]


LAWS: tuple[Callable[[list[str]], bool], ...] = (
    writes_in_order,
    write_is_complete,
    stores_what_it_receives,
    redundant_has_cause,
    deletes_in_order,
    deletes_every_replica,
    serves,
    copies_arrive,
)


def lawful(keys: list[str]) -> bool:
    return all(law(keys) for law in LAWS)


def test_every_normal_block_keeps_the_laws_and_every_abnormal_block_breaks_one(
    crowded: SimulatedBlocks,
) -> None:
    for blocks in (crowded, *(simulate_blocks(seed=seed) for seed in range(5))):
        for number in range(len(blocks.sessions)):
            keys = blocks.sessions.keys(number)
            normal = blocks.sessions.labels[number] == LABEL_NORMAL
            assert lawful(keys) == normal, f"{blocks.kinds[number]}: {' '.join(keys)}"


@pytest.mark.parametrize(
    ("kind", "defined_by"),
    [
        (
            "lost_replica",
            lambda keys: (
                not write_is_complete(keys) or not deletes_every_replica(keys) or not copies_arrive(keys)
            ),
        ),
        ("serving_exception", lambda keys: not serves(keys)),
        ("unexpected_delete", lambda keys: not deletes_in_order(keys)),
        (
            "redundant_add_stored_block",
            lambda keys: not redundant_has_cause(keys) or not stores_what_it_receives(keys),
        ),
        ("stuck_pipeline", lambda keys: not write_is_complete(keys) and not {"23", "3", "4"} & set(keys)),
        ("write_out_of_order", lambda keys: not writes_in_order(keys)),
    ],
)
def test_anomaly_kind_is_what_its_name_says(
    crowded: SimulatedBlocks, kind: str, defined_by: Callable[[list[str]], bool]
) -> None:
    for keys in sessions_of(crowded, kind):
        assert defined_by(keys), " ".join(keys)


def test_only_write_out_of_order_breaks_the_order_of_a_finished_write(crowded: SimulatedBlocks) -> None:
    for kind in ("lost_replica", "serving_exception", "redundant_add_stored_block"):
        assert all(writes_in_order(keys) for keys in sessions_of(crowded, kind))
    for keys in sessions_of(crowded, "write_out_of_order"):
        assert write_is_complete(keys)
        assert deletes_every_replica(keys)


@pytest.mark.parametrize(
    ("variant", "shows"),
    [
        ("plain", lambda keys: keys[-6:] == ["23"] * 3 + ["21"] * 3 and not {"3", "4"} & set(keys)),
        ("open", lambda keys: "23" not in keys and keys.count("26") == 3),
        ("read", lambda keys: 1 <= keys.count("3") <= 8),
        ("reader_heavy", lambda keys: keys.count("3") + keys.count("4") >= 28),
        ("re_replication", lambda keys: keys.count("25") == keys.count("5") - 3 > 0),
        ("client_retry", lambda keys: keys.count("7") == 1 and keys.count("5") == 4),
        ("slow_responder", lambda keys: "11 11" in " ".join(keys)),
        ("late_replica", lambda keys: "5" in after(keys, "11")),
        ("two_replicas", lambda keys: keys.count("5") == keys.count("26") == 2),
        ("slow_delete", lambda keys: "23" in after(keys, "21")),
        ("late_reader", lambda keys: after(keys, "23").count("3") == 1),
        (
            "harmless_warning",
            lambda keys: bool({"1", "8", "13", "15", "19", "20", "24", "29", "31"} & set(keys)),
        ),
        ("unfinished", lambda keys: "26" not in keys),
    ],
)
def test_normal_variant_is_what_its_name_says(
    crowded: SimulatedBlocks, variant: str, shows: Callable[[list[str]], bool]
) -> None:
    for keys in sessions_of(crowded, variant):
        assert shows(keys), " ".join(keys)
