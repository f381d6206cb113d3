"""The deeplog package on sessions of keys.

    hdfs_deeplog.py FOLDER SEED EPOCHS                    # {train,val,normal,abnormal}.txt

Windows of 10 keys, two LSTM layers of 64 and a guess in the best 9, as published (Du et al., CCS 2017); Adam
in place of the package's SGD, which learns little in so few epochs. A session is abnormal when one of its
keys is not among the guesses. A second figure takes the number of guesses from the validation sessions: the
least that calls at most one in a hundred of them abnormal.
"""

import json
import sys
import time
from pathlib import Path

import torch
from deeplog import DeepLog

WINDOW, GUESSES, HIDDEN, ALLOWED = 10, 9, 64, 0.01


def read(path: Path) -> list[list[str]]:
    return [line.partition(",")[2].split() for line in path.read_text(encoding="utf-8").splitlines()]


def windows(
    sessions: list[list[str]], ids: dict[str, int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(N, 10) windows, padded on the left by 0, (N,) next keys and (N,) the session's number."""
    contexts, targets, numbers = [], [], []
    for number, session in enumerate(sessions):
        keys = [0] * WINDOW + [ids.get(key, len(ids) + 1) for key in session]
        for start in range(len(session)):
            contexts.append(keys[start : start + WINDOW])
            targets.append(keys[start + WINDOW])
            numbers.append(number)
    return torch.tensor(contexts), torch.tensor(targets), torch.tensor(numbers)


def worst_ranks(model: DeepLog, sessions: list[list[str]], ids: dict[str, int]) -> torch.Tensor:
    """(S,) worst rank of a session's true keys, 0 is the best guess."""
    contexts, targets, numbers = windows(sessions, ids)
    ranks = []
    with torch.inference_mode():
        for start in range(0, len(contexts), 4096):
            logits = model(contexts[start : start + 4096])
            chosen = logits.gather(1, targets[start : start + 4096, None])
            ranks.append((logits > chosen).sum(dim=1))
    return torch.zeros(len(sessions)).scatter_reduce(0, numbers, torch.cat(ranks).float(), "amax")


def main() -> None:
    folder, seed, epochs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    parts = {name: read(folder / f"{name}.txt") for name in ("train", "val", "normal", "abnormal")}
    ids = {key: number for number, key in enumerate(sorted({k for s in parts["train"] for k in s}), start=1)}
    torch.manual_seed(seed)
    model = DeepLog(len(ids) + 2, HIDDEN, len(ids) + 2, num_layers=2)
    start = time.perf_counter()
    contexts, targets, _ = windows(parts["train"], ids)
    model.fit(
        contexts,
        targets,
        epochs=epochs,
        batch_size=128,
        learning_rate=0.001,
        optimizer=torch.optim.Adam,
        criterion=torch.nn.NLLLoss(),
    )
    fitted = time.perf_counter()
    ranks = {name: worst_ranks(model, parts[name], ids) for name in ("val", "normal", "abnormal")}
    chosen = next(g for g in range(1, len(ids) + 3) if (ranks["val"] >= g).float().mean() <= ALLOWED)
    figures = {
        "windows_per_second": len(contexts) * epochs / (fitted - start),
        "fit_seconds": fitted - start,
        "test_seconds": time.perf_counter() - fitted,
        "guesses_of_validation": chosen,
    }
    for name, guesses in (("", GUESSES), ("validated_", chosen)):
        figures[f"{name}false_positive_rate"] = (ranks["normal"] >= guesses).float().mean().item()
        figures[f"{name}recall"] = (ranks["abnormal"] >= guesses).float().mean().item()
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
