"""What translating the test split gave: scores, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqlab.data.pairs import Pair, pair_batch
from seqlab.data.translation import Translation as TranslationData
from seqlab.report.page import Section
from seqlab.report.tables import text_table
from seqlab.results.outcome import HeatPanel, Outcome, ResultTable, best_baseline, figure_rows, prefixed
from seqlab.search.beam import Hypothesis
from seqlab.tasks.translation import Translation

EXAMPLES = 4  # translations on the terminal with verbose=true
EXAMPLE = 60  # characters of a text on its first screen
SAMPLES = 12  # in the report
HEAT_MAPS = 4
LONGEST_HEAT_MAP = 32  # tokens a side; more do not fit a page


@dataclass(frozen=True)
class CorpusScores:
    """Scores of a corpus of translations, one reference each, with what makes them comparable."""

    bleu: float  # 0 to 100
    chrf: float  # 0 to 100
    bleu_signature: str
    chrf_signature: str
    statistics: tuple[NDArray[np.int64], NDArray[np.int64]]  # (N, ...) of each sentence, for BLEU and chrF
    measures: tuple[Any, Any]  # sacreBLEU's own, which turn summed statistics into a score

    @classmethod
    def of(cls, translations: Sequence[str], references: Sequence[str], tokenize: str) -> CorpusScores:
        """Cased, detokenized text as sacreBLEU takes it (Post, WMT 2018; chrF: Popović, WMT 2015)."""
        from sacrebleu.metrics import BLEU, CHRF

        measures = BLEU(tokenize=tokenize), CHRF()
        # what `corpus_score` does, and its own bootstrap: each sentence is counted once
        counted = [each._extract_corpus_statistics(translations, [references]) for each in measures]
        bleu, chrf = (
            each._aggregate_and_compute(counts).score for each, counts in zip(measures, counted, strict=True)
        )
        signatures = [str(each.get_signature()) for each in measures]
        statistics = np.array(counted[0]), np.array(counted[1])
        return cls(bleu, chrf, signatures[0], signatures[1], statistics, measures)

    def drawn(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """(R,) BLEU and chrF of corpora that hold each of the N sentences as often as (R, N) weights say."""
        found = {}
        for name, measure, counts in zip(("bleu", "chrf"), self.measures, self.statistics, strict=True):
            sums = (weights.astype(np.float64) @ counts).astype(np.int64)  # whole numbers, exact in float64
            found[name] = np.array([measure._compute_score_from_stats(row).score for row in sums.tolist()])
        return found


@dataclass(frozen=True)
class TrainingPairs:
    """What training targets say most often, a baseline, and what a test pair may repeat."""

    most_frequent: str
    pairs: frozenset[Pair]

    @classmethod
    def fit(cls, pairs: Sequence[Pair]) -> TrainingPairs:
        """The most frequent target; of equally frequent ones the first in the alphabet."""
        counts = Counter(target for _, target in pairs)
        return cls(min(counts, key=lambda text: (-counts[text], text)), frozenset(pairs))

    def repeated(self, pairs: Sequence[Pair]) -> dict[str, NDArray[np.bool_]]:
        """Which of N pairs repeat training, text for text: (N,) of ``source``, ``target`` and ``pair``."""
        sources, targets = ({pair[side] for pair in self.pairs} for side in (0, 1))
        return {
            "source": np.array([source in sources for source, _ in pairs]),
            "target": np.array([target in targets for _, target in pairs]),
            "pair": np.array([pair in self.pairs for pair in pairs]),
        }

    def state(self) -> dict[str, Any]:
        return {"most_frequent_translation": self.most_frequent}


@dataclass(frozen=True)
class TranslationOutcome(Outcome):
    """The test split translated, N pairs."""

    sources: list[str]
    references: list[str]
    translations: list[str]
    hypotheses: list[Hypothesis]
    scores: CorpusScores
    repeated: dict[str, NDArray[np.bool_]]  # as ``TrainingPairs.repeated`` gives it
    new: NDArray[np.int64]  # rows of the pairs whose source and target are both new
    unseen: CorpusScores | None  # of these; None without any
    nll: NDArray[np.float64]  # (N,) nats of each reference
    num_tokens: NDArray[np.int64]  # (N,) tokens of each reference, EOS counted
    baselines: dict[str, CorpusScores]
    search: str  # how the translations were found
    loss_unit: str  # of the curves
    attention: Sequence[HeatPanel] = ()  # of some sentences, where the network has any

    @property
    def loss(self) -> float:
        """Nats per target token of the reference, EOS counted."""
        return float(self.nll.sum() / self.num_tokens.sum())

    @property
    def metrics(self) -> dict[str, float]:
        found = {"test/bleu": self.scores.bleu, "test/chrf": self.scores.chrf, "test/loss": self.loss}
        found |= {f"test/seen_{name}_share": float(rows.mean()) for name, rows in self.repeated.items()}
        if self.unseen is not None:
            found["test/unseen/bleu"] = self.unseen.bleu
        for name, scores in self.baselines.items():
            found |= prefixed(f"baseline/{name}", {"bleu": scores.bleu, "chrf": scores.chrf})
        return found

    @property
    def num_items(self) -> int:
        """Pairs."""
        return len(self.sources)

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """All of ``test/``."""
        found = self.scores.drawn(weights)
        found["loss"] = weights @ self.nll / np.maximum(weights @ self.num_tokens, 1)
        total = np.maximum(weights.sum(axis=1), 1)
        for name, rows in self.repeated.items():
            found[f"seen_{name}_share"] = weights[:, rows].sum(axis=1) / total
        if self.unseen is not None:
            found["unseen/bleu"] = self.unseen.drawn(weights[:, self.new])["bleu"]
        return {f"test/{name}": values for name, values in found.items()}

    def support(self) -> dict[str, int]:
        """Pairs, all or those that are new."""
        pairs = {name: len(self.sources) for name in self.metrics if name.startswith("test/")}
        return pairs | ({} if self.unseen is None else {"test/unseen/bleu": len(self.new)})

    def score_table(self) -> dict[str, Any]:
        """One row per pair: source, reference, translation, chrF of the sentence, log-probability."""
        from sacrebleu.metrics import CHRF

        chrf = CHRF()
        pairs = zip(self.translations, self.references, strict=True)
        return {
            "source": self.sources,
            "reference": self.references,
            "translation": self.translations,
            "chrf": [chrf.sentence_score(translation, [reference]).score for translation, reference in pairs],
            "score": [hypothesis.score for hypothesis in self.hypotheses],
        }

    def result_table(self) -> ResultTable:
        columns = {"bleu": "BLEU", "chrf": "chrF", "loss": "loss"}
        baselines = {name.replace("_", " "): f"baseline/{name}" for name in self.baselines}
        shown = [
            (f"> {self.sources[row]}", f"= {self.references[row]}", f"< {self.translations[row]}", "")
            for row in spread_rows(len(self.sources), EXAMPLES)
        ]
        return ResultTable(
            title=f"{len(self.sources):,} test sentences",
            columns=tuple(columns.values()),
            model_rows=figure_rows(self.metrics, {"model": "test"}, columns),
            baseline_rows=figure_rows(self.metrics, baselines, columns),
            notes=[
                ("loss", "nats per target token of the reference, end counted, no label smoothing"),
                ("search", self.search),
                ("seen in training", self._seen()),
                ("BLEU", self.scores.bleu_signature),
                ("chrF", self.scores.chrf_signature),
            ],
            loss_unit=self.loss_unit,
            figures=tuple(columns),
            prefixes={"model": "test", **baselines},
            support=self.support(),
            examples=[line for lines in shown for line in lines],
        )

    def in_words(self) -> list[tuple[str, str]]:
        """BLEU, one sentence from the middle of the file, the best baseline."""
        bleu, row = self.scores.bleu, len(self.sources) // 2
        new = "" if self.unseen is None else f"; BLEU {self.unseen.bleu:.1f} where training held neither side"
        texts = (self.sources[row], self.translations[row], self.references[row])
        source, translation, reference = (shorten(text, EXAMPLE, placeholder=" ...") for text in texts)
        figures = {name.replace("_", " "): each.bleu for name, each in self.baselines.items()}
        best, verdict = best_baseline(figures, bleu)
        of_all = f"{len(self.sources):,} test sentences: BLEU {bleu:.1f} of 100, chrF {self.scores.chrf:.1f}"
        return [
            ("translates", of_all + new),
            ("for example", f"{source}  ->  {translation}  (reference: {reference})"),
            ("baseline", f"{best}, the best without a network: BLEU {max(figures.values()):.1f}{verdict}"),
        ]

    def next_steps(self, checkpoint: str) -> list[str]:
        return [f"translate {checkpoint} SENTENCES.txt"]

    def heat_panels(self) -> list[HeatPanel]:
        return list(self.attention)

    def signatures(self) -> dict[str, str]:
        """How sacreBLEU counted: figures under other signatures are other figures."""
        return {"bleu": self.scores.bleu_signature, "chrf": self.scores.chrf_signature}

    def _seen(self) -> str:
        shares = ", ".join(f"{name} of {self.repeated[name].mean():.1%}" for name in ("source", "target"))
        bleu = "" if self.unseen is None else f"; BLEU of those with both sides new: {self.unseen.bleu:.2f}"
        return f"{shares} of the test pairs, text for text{bleu}"


def spread_rows(num_rows: int, number: int) -> list[int]:
    """At most ``number`` of N rows, evenly over all of them."""
    return np.unique(np.linspace(0, num_rows - 1, min(number, num_rows)).round().astype(int)).tolist()


def samples_section(outcome: TranslationOutcome) -> Section:
    """Test sentences spread evenly over the file, whether well translated or not."""
    rows = spread_rows(len(outcome.sources), SAMPLES)
    table = text_table(
        ("source", "reference", "translation"),
        [(outcome.sources[row], outcome.references[row], outcome.translations[row]) for row in rows],
        caption="Test sentences",
    )
    return Section("Translations", table, "Sentences are taken evenly over the test file, not chosen.")


def attention_section(outcome: TranslationOutcome) -> list[Section]:
    """Heat maps, where the network has attention."""
    if not outcome.attention:
        return []
    from seqlab.report.heat_map import heat_maps

    note = "Each row is a token of the translation; its shades say which source tokens the decoder looked at."
    return [Section("Attention", heat_maps(outcome.attention), note)]


def attention_panels(
    task: Translation,
    datamodule: TranslationData,
    sources: Sequence[str],
    hypotheses: Sequence[Hypothesis],
) -> list[HeatPanel]:
    """Of the first test sentences that fit; nothing for a network without attention."""
    panels: list[HeatPanel] = []
    for source, hypothesis in zip(sources, hypotheses, strict=True):
        source_ids = datamodule.source_tokenizer.encode(source)
        if not 1 < len(source_ids) <= LONGEST_HEAT_MAP or not 0 < len(hypothesis.tokens) <= LONGEST_HEAT_MAP:
            continue
        weights = task.attention_weights(pair_batch(source_ids, hypothesis.tokens, task.device))
        if weights is None:
            return []
        written = [*datamodule.target_tokenizer.pieces(hypothesis.tokens), "<eos>"]
        read = [*datamodule.source_tokenizer.pieces(source_ids), "<eos>"]
        panels.append(HeatPanel(source, "written", "read", written, read, weights[0].float().cpu().numpy()))
        if len(panels) == HEAT_MAPS:
            break
    return panels
