"""BLEU and chrF of a translation model, beside copying the source and saying always the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.outcome import Evaluation, ResultTable
from seqlab.search.hypotheses import Hypothesis
from seqlab.search.translate import translate_texts
from seqlab.tasks.translation import Translation

TOKENIZERS = ("13a", "intl", "char", "zh", "none")


@dataclass(frozen=True)
class CorpusScores:
    """Scores of a corpus of translations, one reference each, with what makes them comparable."""

    bleu: float  # 0 to 100
    chrf: float  # 0 to 100
    bleu_signature: str
    chrf_signature: str

    @classmethod
    def of(cls, translations: Sequence[str], references: Sequence[str], tokenize: str) -> CorpusScores:
        """Cased, detokenized text as sacreBLEU takes it (Post, WMT 2018; chrF: Popović, WMT 2015)."""
        from sacrebleu.metrics import BLEU, CHRF

        bleu, chrf = BLEU(tokenize=tokenize), CHRF()
        return cls(
            bleu.corpus_score(list(translations), [list(references)]).score,
            chrf.corpus_score(list(translations), [list(references)]).score,
            str(bleu.get_signature()),
            str(chrf.get_signature()),
        )


@dataclass(frozen=True)
class FrequentTranslation:
    """The baseline that says what the training targets say most often, whatever it is asked."""

    text: str

    @classmethod
    def fit(cls, targets: Sequence[str]) -> FrequentTranslation:
        """The most frequent target; of equally frequent ones the first in the alphabet."""
        counts = Counter(targets)
        return cls(min(counts, key=lambda text: (-counts[text], text)))

    def state(self) -> dict[str, Any]:
        return {"most_frequent_translation": self.text}


@dataclass(frozen=True)
class TranslationOutcome:
    """The test split translated, N pairs."""

    sources: list[str]
    references: list[str]
    translations: list[str]
    hypotheses: list[Hypothesis]
    scores: CorpusScores
    loss: float  # nats per target token of the reference, EOS counted
    baselines: dict[str, CorpusScores]
    search: str  # how the translations were found

    @property
    def metrics(self) -> dict[str, float]:
        found = {"test/bleu": self.scores.bleu, "test/chrf": self.scores.chrf, "test/loss": self.loss}
        for name, scores in self.baselines.items():
            found[f"baseline/{name}/bleu"] = scores.bleu
            found[f"baseline/{name}/chrf"] = scores.chrf
        return found

    def write_scores(self, path: Path) -> None:
        """One row per pair: source, reference, translation, chrF of the sentence, log-probability."""
        import pandas as pd
        from sacrebleu.metrics import CHRF

        chrf = CHRF()
        pd.DataFrame(
            {
                "source": self.sources,
                "reference": self.references,
                "translation": self.translations,
                "chrf": [
                    chrf.sentence_score(translation, [reference]).score
                    for translation, reference in zip(self.translations, self.references, strict=True)
                ],
                "score": [hypothesis.score for hypothesis in self.hypotheses],
            }
        ).to_csv(path, index=False, float_format="%.6g", encoding="utf-8")

    def result_table(self) -> ResultTable:
        return ResultTable(
            title=f"{len(self.sources):,} test sentences",
            columns=("BLEU", "chrF", "loss"),
            model_rows=[("model", [self.scores.bleu, self.scores.chrf, self.loss])],
            baseline_rows=[
                (name.replace("_", " "), [scores.bleu, scores.chrf, None])
                for name, scores in self.baselines.items()
            ],
            notes=[
                ("loss", "nats per target token of the reference, end counted, no label smoothing"),
                ("search", self.search),
                ("BLEU", self.scores.bleu_signature),
                ("chrF", self.scores.chrf_signature),
            ],
        )


class TranslationEvaluation(Evaluation):
    """Translate validation and test splits; nothing but the most frequent translation is fitted.

    Args:
        tokenize: sacreBLEU's tokenizer: 13a, intl, char, zh or none. Figures compare only under the same
            one.

    Raises:
        UserError: another tokenizer.
    """

    def __init__(self, *, tokenize: str = "13a") -> None:
        if tokenize not in TOKENIZERS:
            raise UserError(f"evaluation.tokenize={tokenize}: choose {', '.join(TOKENIZERS)}")
        self.tokenize = tokenize

    def fit(
        self, task: Translation, datamodule: TranslationData
    ) -> tuple[FrequentTranslation, dict[str, float]]:
        """The baseline's translation, and how well the validation split is translated."""
        frequent = FrequentTranslation.fit([target for _, target in datamodule.pairs("train")])
        pairs = datamodule.pairs("val")
        translations, _ = self._translate(task, datamodule, [source for source, _ in pairs])
        scores = CorpusScores.of(translations, [target for _, target in pairs], self.tokenize)
        loss, accuracy = forced_figures(task, datamodule.val_dataloader())
        found = {"bleu": scores.bleu, "chrf": scores.chrf, "loss": loss, "accuracy": accuracy}
        return frequent, {f"val/{name}": value for name, value in found.items()}

    def test(
        self, task: Translation, datamodule: TranslationData, judge: FrequentTranslation
    ) -> TranslationOutcome:
        """Translate and score the test split, which ``open_test`` must have unlocked."""
        pairs = datamodule.pairs("test")
        sources, references = [source for source, _ in pairs], [target for _, target in pairs]
        translations, hypotheses = self._translate(task, datamodule, sources)
        search = (
            "greedy search"
            if task.beam_size == 1
            else f"beam of {task.beam_size}, length penalty {task.length_penalty:g}"
        )
        return TranslationOutcome(
            sources,
            references,
            translations,
            hypotheses,
            CorpusScores.of(translations, references, self.tokenize),
            forced_figures(task, datamodule.test_dataloader())[0],
            {
                "copy_source": CorpusScores.of(sources, references, self.tokenize),
                "most_frequent": CorpusScores.of([judge.text] * len(pairs), references, self.tokenize),
            },
            search,
        )

    def _translate(
        self, task: Translation, datamodule: TranslationData, sources: Sequence[str]
    ) -> tuple[list[str], list[Hypothesis]]:
        return translate_texts(task, sources, datamodule.source_tokenizer, datamodule.target_tokenizer)


@torch.inference_mode()
def forced_figures(task: Translation, batches: Any) -> tuple[float, float]:
    """Nats per target token, and share of right first guesses, each told the true tokens before it."""
    task.eval()
    nll = correct = num_tokens = 0.0
    for batch in batches:
        losses = task.losses(batch)
        nll += float(losses.nll)
        correct += float(losses.correct)  # type: ignore[arg-type]
        num_tokens += float(losses.num_units)
    return nll / num_tokens, correct / num_tokens
