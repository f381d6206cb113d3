"""How fast the project trains and translates, beside the published loop, in one run.

    python benchmarks/translation.py --folder FOLDER [--rounds 5] [--checkpoint runs/.../best.ckpt]

FOLDER holds Multi30k: {train,val,test_2016_flickr}.{en,de}.gz. The published loop takes one sentence at a
time and one step at a time; the project's side is a network of the same sizes on batches of similar length.
The two alternate (A B A B ...), and the median of the ratios round by round is reported. With a checkpoint,
its beam search is timed on 1,000 test sentences.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch.optim import Adam  # noqa: E402

from benchmarks.plain_seq2seq import PlainSeq2Seq  # noqa: E402
from seqlab.data.translation import Translation as TranslationData  # noqa: E402
from seqlab.networks.seq2seq import Seq2Seq  # noqa: E402
from seqlab.tasks.translation import Translation  # noqa: E402

SIZES = {"embedding_size": 256, "hidden_size": 256}
PLAIN_PAIRS = 40  # pairs a round for the published loop
BATCHES = 12  # batches a round for the project


def multi30k(folder: Path) -> TranslationData:
    """The data of experiment=multi30k."""
    data = TranslationData(
        folder=str(folder),
        train=["train.en.gz", "train.de.gz"],
        val=["val.en.gz", "val.de.gz"],
        test=["test_2016_flickr.en.gz", "test_2016_flickr.de.gz"],
        tokenizer="bpe",
        vocab_size=4000,
        joint=True,
        batch_size=128,
    )
    data.setup()
    return data


def plain_rate(
    network: PlainSeq2Seq, optimizer: Adam, pairs: list[tuple[torch.Tensor, torch.Tensor]]
) -> float:
    """Target tokens a second of the published loop."""
    start = time.perf_counter()
    for source, target in pairs:
        optimizer.zero_grad()
        (network.loss(source, target) / len(target)).backward()
        optimizer.step()
    return sum(len(target) for _, target in pairs) / (time.perf_counter() - start)


def project_rate(task: Translation, optimizer: Adam, batches: list) -> float:
    """Target tokens a second of the project's training step."""
    num_tokens = 0
    start = time.perf_counter()
    for batch in batches:
        optimizer.zero_grad()
        losses = task.losses(batch)
        (losses.nll / losses.num_units).backward()
        optimizer.step()
        num_tokens += int(losses.num_units)
    return num_tokens / (time.perf_counter() - start)


def train_side_by_side(data: TranslationData, rounds: int) -> None:
    sizes = data.sizes
    torch.manual_seed(0)
    plain = PlainSeq2Seq(
        sizes["source_vocab_size"], sizes["target_vocab_size"], bos_id=sizes["bos_id"], **SIZES
    )
    network = Seq2Seq(
        **{name: size for name, size in sizes.items() if name != "unk_id"}, bidirectional=False, **SIZES
    )
    count = [sum(weights.numel() for weights in model.parameters()) for model in (plain, network)]
    task = Translation(network=network, unk_id=sizes["unk_id"]).train()
    optimizers = Adam(plain.parameters()), Adam(network.parameters())
    loader = iter(data.train_dataloader())
    pairs, batches = [], [next(loader) for _ in range(BATCHES)]
    for row in range(PLAIN_PAIRS):
        batch = batches[row % BATCHES]
        source = batch.source[row, : batch.source_lengths[row]]
        pairs.append((source, batch.target[row, : batch.target_lengths[row]]))
    found = []
    for number in range(rounds + 1):
        rates = plain_rate(plain, optimizers[0], pairs), project_rate(task, optimizers[1], batches)
        if number:  # the first round warms up
            found.append(rates)
    ratios = sorted(ours / theirs for theirs, ours in found)
    print(f"parameters: published loop {count[0]:,}, project {count[1]:,}")
    print(
        f"training, target tokens/s: published loop {statistics.median(theirs for theirs, _ in found):,.0f}, "
        f"project {statistics.median(ours for _, ours in found):,.0f}, "
        f"ratio {statistics.median(ratios):.1f} ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    )


def time_search(checkpoint: Path, data: TranslationData, rounds: int) -> None:
    from seqlab.data.tokenizers import tokenizer_from_state
    from seqlab.evaluation.translation import translate_texts
    from seqlab.training.checkpoints import load_task

    task, contents = load_task(checkpoint)
    assert isinstance(task, Translation)
    tokenizers = [tokenizer_from_state(contents.data[f"{side}_tokenizer"]) for side in ("source", "target")]
    data.open_test()
    sources = [source for source, _ in data.pairs("test")][:1000]
    for beam_size in (1, 5):
        task.beam_size = beam_size
        seconds = []
        for _ in range(rounds):
            start = time.perf_counter()
            translate_texts(task, sources, *tokenizers)
            seconds.append(time.perf_counter() - start)
        spread = f"{min(seconds):.1f} to {max(seconds):.1f}"
        print(f"beam {beam_size}, {len(sources):,} sentences: {statistics.median(seconds):.1f} s ({spread})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--checkpoint", type=Path)
    arguments = parser.parse_args()
    data = multi30k(arguments.folder)
    train_side_by_side(data, arguments.rounds)
    if arguments.checkpoint is not None:
        time_search(arguments.checkpoint, data, min(arguments.rounds, 3))


if __name__ == "__main__":
    main()
