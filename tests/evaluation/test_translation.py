import csv
from pathlib import Path

import pytest
import torch

from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.translation import (
    CorpusScores,
    FrequentTranslation,
    TranslationEvaluation,
    forced_figures,
)
from seqlab.networks.seq2seq import Seq2Seq
from seqlab.search.hypotheses import Hypothesis
from seqlab.tasks.translation import Translation


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
    assert FrequentTranslation.fit(["b", "a", "b", "c"]).text == "b"
    assert FrequentTranslation.fit(["b", "a"]).text == "a"
    assert FrequentTranslation.fit(["b", "a"]).state() == {"most_frequent_translation": "a"}


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
    expected = forced_figures(task, single.val_dataloader())
    assert forced_figures(task, data.val_dataloader()) == pytest.approx(expected, rel=1e-5)


def test_an_evaluation_from_fit_to_scores(tmp_path: Path) -> None:
    data = TranslationData(sample={"num_pairs": 60, "seed": 0}, batch_size=8)
    data.setup()
    task, evaluation = task_for(data, beam_size=2), TranslationEvaluation()
    judge, val_figures = evaluation.fit(task, data)
    assert set(val_figures) == {"val/bleu", "val/chrf", "val/loss", "val/accuracy"}
    data.open_test()
    outcome = evaluation.test(task, data, judge)
    pairs = data.pairs("test")
    metrics = outcome.metrics
    assert metrics["test/bleu"] == outcome.scores.bleu
    copied = CorpusScores.of([source for source, _ in pairs], [target for _, target in pairs], "13a")
    assert metrics["baseline/copy_source/chrf"] == copied.chrf
    always = CorpusScores.of([judge.text] * len(pairs), [target for _, target in pairs], "13a")
    assert metrics["baseline/most_frequent/bleu"] == always.bleu
    outcome.write_scores(tmp_path / "scores.csv")
    with (tmp_path / "scores.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["reference"]) for row in rows] == pairs
    assert [row["translation"] for row in rows] == [text or "" for text in outcome.translations]
    table = outcome.result_table()
    assert table.title == f"{len(pairs)} test sentences"
    assert [name for name, _ in table.baseline_rows] == ["copy source", "most frequent"]
    assert dict(table.notes)["search"] == "beam of 2, length penalty 1"


def test_translations_come_in_the_order_of_the_texts(data: TranslationData) -> None:
    """Texts of several lengths are searched in an order of their own, an empty one not at all."""
    from seqlab.search.translate import translate_texts

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
