"""BLEU and chrF of a translation model, beside copying the source and saying always the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqlab.data.pair_files import Pair
from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.outcome import Evaluation, ResultTable
from seqlab.search.hypotheses import Hypothesis
from seqlab.search.translate import translate_texts
from seqlab.tasks.translation import Translation

TOKENIZERS = ("13a", "intl", "char", "zh", "none")
SEEN = ("source", "target", "pair")  # what of a test pair may stand in training
EXAMPLES = 4  # translations on the terminal


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
class TrainingPairs:
    """The baseline that says what training targets say most often, and what a test pair may repeat."""

    most_frequent: str
    pairs: frozenset[Pair]

    @classmethod
    def fit(cls, pairs: Sequence[Pair]) -> TrainingPairs:
        """The most frequent target; of equally frequent ones the first in the alphabet."""
        counts = Counter(target for _, target in pairs)
        return cls(min(counts, key=lambda text: (-counts[text], text)), frozenset(pairs))

    def repeated(self, pairs: Sequence[Pair]) -> RepeatedPairs:
        """Which of N pairs repeat training, text for text."""
        sources, targets = ({pair[side] for pair in self.pairs} for side in (0, 1))
        return RepeatedPairs(
            np.array([source in sources for source, _ in pairs]),
            np.array([target in targets for _, target in pairs]),
            np.array([pair in self.pairs for pair in pairs]),
        )

    def state(self) -> dict[str, Any]:
        return {"most_frequent_translation": self.most_frequent}


@dataclass(frozen=True)
class RepeatedPairs:
    """Which of N test pairs repeat training, text for text; (N,) each."""

    source: NDArray[np.bool_]
    target: NDArray[np.bool_]  # it may be the translation of another source there
    pair: NDArray[np.bool_]

    @property
    def neither(self) -> list[int]:
        """Rows of the pairs whose source and target are both new."""
        return np.flatnonzero(~self.source & ~self.target).tolist()

    @property
    def shares(self) -> dict[str, float]:
        return {f"test/seen_{name}_share": float(getattr(self, name).mean()) for name in SEEN}


@dataclass(frozen=True)
class TranslationOutcome:
    """The test split translated, N pairs."""

    sources: list[str]
    references: list[str]
    translations: list[str]
    hypotheses: list[Hypothesis]
    scores: CorpusScores
    repeated: RepeatedPairs
    unseen: CorpusScores | None  # of the pairs whose source and target are both new; None without such
    loss: float  # nats per target token of the reference, EOS counted
    baselines: dict[str, CorpusScores]
    search: str  # how the translations were found

    @property
    def metrics(self) -> dict[str, float]:
        found = {"test/bleu": self.scores.bleu, "test/chrf": self.scores.chrf, "test/loss": self.loss}
        found |= self.repeated.shares
        if self.unseen is not None:
            found["test/unseen/bleu"] = self.unseen.bleu
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
                ("seen in training", self._seen()),
                ("BLEU", self.scores.bleu_signature),
                ("chrF", self.scores.chrf_signature),
            ],
            examples=[
                line
                for row in spread_rows(len(self.sources), EXAMPLES)
                for line in (
                    f"> {self.sources[row]}",
                    f"= {self.references[row]}",
                    f"< {self.translations[row]}",
                    "",
                )
            ],
        )

    def _seen(self) -> str:
        shares = [f"{name.split('_')[1]} of {share:.1%}" for name, share in self.repeated.shares.items()]
        said = f"{', '.join(shares)} of the test pairs, text for text; "
        if self.unseen is None:
            return f"{said}no source and target are both new"
        return f"{said}BLEU {self.unseen.bleu:.2f} on the {len(self.repeated.neither):,} with both new"


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

    def fit(self, task: Translation, datamodule: TranslationData) -> tuple[TrainingPairs, dict[str, float]]:
        """What is remembered of training, and how well the validation split is translated."""
        training = TrainingPairs.fit(datamodule.pairs("train"))
        pairs = datamodule.pairs("val")
        translations, _ = self._translate(task, datamodule, [source for source, _ in pairs])
        scores = CorpusScores.of(translations, [target for _, target in pairs], self.tokenize)
        loss, accuracy = forced_figures(task, datamodule.val_dataloader())
        found = {"bleu": scores.bleu, "chrf": scores.chrf, "loss": loss, "accuracy": accuracy}
        return training, {f"val/{name}": value for name, value in found.items()}

    def test(
        self, task: Translation, datamodule: TranslationData, judge: TrainingPairs
    ) -> TranslationOutcome:
        """Translate and score the test split, which ``open_test`` must have unlocked."""
        pairs = datamodule.pairs("test")
        sources, references = [source for source, _ in pairs], [target for _, target in pairs]
        translations, hypotheses = self._translate(task, datamodule, sources)
        repeated = judge.repeated(pairs)
        new = repeated.neither
        of_new = ([translations[row] for row in new], [references[row] for row in new])
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
            repeated,
            CorpusScores.of(*of_new, self.tokenize) if new else None,
            forced_figures(task, datamodule.test_dataloader())[0],
            {
                "copy_source": CorpusScores.of(sources, references, self.tokenize),
                "most_frequent": CorpusScores.of(
                    [judge.most_frequent] * len(pairs), references, self.tokenize
                ),
            },
            search,
        )

    def _translate(
        self, task: Translation, datamodule: TranslationData, sources: Sequence[str]
    ) -> tuple[list[str], list[Hypothesis]]:
        return translate_texts(task, sources, datamodule.source_tokenizer, datamodule.target_tokenizer)


def spread_rows(num_rows: int, number: int) -> list[int]:
    """At most ``number`` of N rows, evenly over all of them."""
    return np.unique(np.linspace(0, num_rows - 1, min(number, num_rows)).round().astype(int)).tolist()


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
