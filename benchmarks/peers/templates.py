"""Templates of a log by drain3 or logparser3's Drain: templates.py LIBRARY LOG SETTINGS IDS.

SETTINGS: JSON with masks, similarity, depth and head, whether lines begin with HDFS's header. IDS: a file for
the template of each line. Prints seconds from the opened file to the last line's template, and lines.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

HEAD = "<Date> <Time> <Pid> <Level> <Component>: <Content>"


def by_drain3(log: Path, settings: dict) -> tuple[list[str], float]:
    from drain3 import TemplateMiner
    from drain3.masking import MaskingInstruction
    from drain3.template_miner_config import TemplateMinerConfig

    config = TemplateMinerConfig()
    config.drain_sim_th, config.drain_depth = settings["similarity"], settings["depth"]
    config.masking_instructions = [MaskingInstruction(mask, "*") for mask in settings["masks"]]
    miner = TemplateMiner(config=config)
    start = time.perf_counter()
    ids = []
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            message = line.rstrip("\n")
            ids.append(miner.add_log_message(message.partition(": ")[2] if settings["head"] else message))
    return [str(each["cluster_id"]) for each in ids], time.perf_counter() - start


def by_logparser(log: Path, settings: dict) -> tuple[list[str], float]:
    import pandas as pd
    from logparser.Drain import LogParser

    with tempfile.TemporaryDirectory() as folder:
        masks, head = settings["masks"], HEAD if settings["head"] else "<Content>"
        depth, similarity = settings["depth"], settings["similarity"]
        parser = LogParser(
            head, str(log.parent), folder, depth=depth, st=similarity, rex=masks, keep_para=False
        )
        start = time.perf_counter()
        parser.parse(log.name)
        taken = time.perf_counter() - start
        found = pd.read_csv(Path(folder, f"{log.name}_structured.csv"), dtype=str)
    return found["EventId"].tolist(), taken


if __name__ == "__main__":
    settings = json.loads(sys.argv[3])
    library = {"drain3": by_drain3, "logparser": by_logparser}[sys.argv[1]]
    ids, seconds = library(Path(sys.argv[2]), settings)
    Path(sys.argv[4]).write_text("\n".join(ids), encoding="utf-8")
    print(json.dumps({"seconds": seconds, "lines": len(ids), "lines_per_second": len(ids) / seconds}))
