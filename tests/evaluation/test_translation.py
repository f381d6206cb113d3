import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from sacrebleu.metrics import BLEU, CHRF

from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.translation import (
    CorpusScores,
    TrainingPairs,
    TranslationEvaluation,
    forced_figures,
)
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.results.outcome import Outcome
from seqlab.search.beam import Hypothesis
from seqlab.tasks.translation import Translation
from seqlab.training.whole_table import print_results


def test_bleu_of_one_sentence_by_hand() -> None:
    """No brevity penalty: as many words as the reference."""
    scores = CorpusScores.of(["the cat sat on a mat"], ["the cat sat on the mat"], "13a")
    # shared n-grams: 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples
    assert scores.bleu == pytest.approx(100 * (5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)
    assert "tok:13a" in scores.bleu_signature
    assert "case:mixed" in scores.bleu_signature
    assert "version:" in scores.chrf_signature


def test_case_counts() -> None:
    assert CorpusScores.of(["THE CAT SAT ON"], ["the cat sat on"], "13a").bleu < 1
    assert CorpusScores.of(["the cat sat on"], ["the cat sat on"], "13a").bleu == pytest.approx(100)


def test_the_most_frequent_translation() -> None:
    def training(*targets: str) -> TrainingPairs:
        return TrainingPairs.fit([("x", target) for target in targets])

    assert training("b", "a", "b", "c").most_frequent == "b"
    assert training("b", "a").state() == {"most_frequent_translation": "a"}


def test_test_pairs_that_repeat_training_are_counted() -> None:
    training = TrainingPairs.fit([("a", "1"), ("b", "2"), ("c", "3")])
    pairs = [("a", "1"), ("a", "9"), ("z", "2"), ("b", "3"), ("y", "8"), ("A", "1 ")]
    repeated = training.repeated(pairs)
    assert repeated["source"].tolist() == [True, True, False, True, False, False]
    assert repeated["target"].tolist() == [True, False, True, True, False, False]
    assert repeated["pair"].tolist() == [True, False, False, False, False, False]


def test_another_tokenizer_is_refused() -> None:
    with pytest.raises(UserError, match=r"evaluation\.tokenize=14a: choose 13a, intl, char, zh, none"):
        TranslationEvaluation(tokenize="14a")


@pytest.fixture(scope="module")
def data() -> TranslationData:
    made = TranslationData(sample={"num_pairs": 60, "seed": 0}, batch_size=8)
    made.setup()
    return made


def task_for(data: TranslationData, beam_size: int = 1) -> Translation:
    torch.manual_seed(0)
    sizes = {name: size for name, size in data.sizes.items() if name != "unk_id"}
    network = Seq2Seq(**sizes, embedding_size=8, hidden_size=8)
    return Translation(network=network, unk_id=data.sizes["unk_id"], beam_size=beam_size)


def test_the_loss_weighs_tokens_alike_whatever_their_batch(data: TranslationData) -> None:
    task = task_for(data)
    single = TranslationData(sample={"num_pairs": 60, "seed": 0}, batch_size=1)
    single.setup()
    expected = forced_figures(task, single.val_dataloader(), 6)
    np.testing.assert_allclose(forced_figures(task, data.val_dataloader(), 6), expected, rtol=1e-5)
    with torch.no_grad():
        losses = [task.losses(batch) for batch in data.val_dataloader()]
    for row, name in zip(expected, ("nll", "correct", "num_units"), strict=True):
        assert row.sum() == pytest.approx(sum(float(getattr(each, name)) for each in losses), rel=1e-5)


def test_an_evaluation_from_fit_to_scores(tmp_path: Path, resampled_keys: Callable[[Outcome], None]) -> None:
    lines = [f"a{row} b{row}\tx{row} y{row}" for row in range(40)]
    lines += [f"a{row} b{row}\tz{row}" for row in range(20)]  # other translations of the same sources
    (tmp_path / "pairs.tsv").write_text("\n".join(lines), encoding="utf-8")
    data = TranslationData(path=str(tmp_path / "pairs.tsv"), split=[0.5, 0.2, 0.3], batch_size=8)
    data.setup()
    task, evaluation = task_for(data, beam_size=2), TranslationEvaluation()
    judge, val_figures = evaluation.fit(task, data)
    assert set(val_figures) == {"val/bleu", "val/chrf", "val/loss", "val/accuracy"}
    data.open_test()
    outcome = evaluation.test(task, data, judge)
    pairs = data.pairs("test")
    metrics = outcome.metrics
    resampled_keys(outcome)
    assert metrics["test/bleu"] == outcome.scores.bleu
    copied = CorpusScores.of([source for source, _ in pairs], [target for _, target in pairs], "13a")
    assert metrics["baseline/copy_source/chrf"] == copied.chrf
    always = CorpusScores.of([judge.most_frequent] * len(pairs), [target for _, target in pairs], "13a")
    assert metrics["baseline/most_frequent/bleu"] == always.bleu
    new = [
        row
        for row in range(len(pairs))
        if not any(outcome.repeated[side][row] for side in ("source", "target"))
    ]
    assert 0 < len(new) < len(pairs)
    assert metrics["test/seen_source_share"] == pytest.approx(1 - len(new) / len(pairs))
    assert metrics["test/seen_pair_share"] == 0
    of_new = ([outcome.translations[row] for row in new], [outcome.references[row] for row in new])
    assert metrics["test/unseen/bleu"] == CorpusScores.of(*of_new, "13a").bleu
    outcome.write_scores(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["reference"]) for row in rows] == pairs
    assert [row["translation"] for row in rows] == [text or "" for text in outcome.translations]
    table = outcome.result_table()
    assert table.title == f"{len(pairs)} test sentences"
    assert [name for name, _ in table.baseline_rows] == ["copy source", "most frequent"]
    assert dict(table.notes)["search"] == "beam of 2, length penalty 1"
    said = f"BLEU of those with both sides new: {metrics['test/unseen/bleu']:.2f}"
    assert dict(table.notes)["seen in training"].endswith(said)
    assert len(table.examples) == 4 * 4
    shown = [f"> {pairs[0][0]}", f"= {pairs[0][1]}", f"< {outcome.translations[0]}", ""]
    assert table.examples[:4] == shown


def test_pairs_that_are_learned_by_heart_leave_nothing_unseen(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [["a b", "[x] y"], ["c d", "z"]]
    data = TranslationData(pairs=pairs)
    data.setup()
    evaluation = TranslationEvaluation()
    task = task_for(data)
    judge, val_figures = evaluation.fit(task, data)
    data.open_test()
    outcome = evaluation.test(task, data, judge)
    assert outcome.metrics["test/seen_pair_share"] == 1
    assert "test/unseen/bleu" not in outcome.metrics
    note = dict(outcome.result_table().notes)["seen in training"]
    assert note.startswith("source of 100.0%, target of 100.0% of the test pairs, text for text")
    print_results(outcome.result_table(), val_figures)
    lines = capsys.readouterr().out.splitlines()
    first = lines.index("> a b")
    assert lines[first : first + 2] == ["> a b", "= [x] y"]
    assert lines[first + 2].startswith("<")
    assert lines[first + 4 : first + 6] == ["> c d", "= z"]


def test_translations_come_in_the_order_of_the_texts(data: TranslationData) -> None:
    """Texts of several lengths are searched in an order of their own, an empty one not at all."""
    from seqlab.evaluation.translation import translate_texts

    task = task_for(data)
    with torch.no_grad():
        for weights in task.network.parameters():
            weights.mul_(3.0)
    texts = [source for source, _ in data.pairs("val")][:9]
    texts.insert(4, "")
    together, found = translate_texts(task, texts, data.source_tokenizer, data.target_tokenizer, batch_size=4)
    alone = [
        translate_texts(task, [text], data.source_tokenizer, data.target_tokenizer)[0][0] for text in texts
    ]
    assert together == alone
    assert together[4] == ""
    assert found[4] == Hypothesis([], 0.0)
    assert len(set(together)) > 3


def test_figures_of_other_sentences_are_sacrebleus_of_repeated_ones() -> None:
    references = ["the cat sat on the mat", "a dog", "it rains in the old town today", ""]
    translations = ["the cat sat on a mat", "the dog", "it rains in town", "well"]
    found = CorpusScores.of(translations, references, "13a")
    weights = np.array([[1, 1, 1, 1], [2, 0, 1, 0], [0, 3, 0, 1], [1, 2, 2, 0]])
    drawn = found.drawn(weights)
    for row, times in enumerate(weights.tolist()):
        texts = [
            [text for text, count in zip(each, times, strict=True) for _ in range(count)]
            for each in (translations, references)
        ]
        for name, measure in (("bleu", BLEU(tokenize="13a")), ("chrf", CHRF())):
            assert drawn[name][row] == measure.corpus_score(texts[0], [texts[1]]).score
    assert (drawn["bleu"][0], drawn["chrf"][0]) == (found.bleu, found.chrf)
