"""How a translation model is judged: BLEU and chrF, beside copying the source and saying always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seqlab.data.batches import TranslationBatch
from seqlab.data.pairs import PairDataset, encode_pairs
from seqlab.data.text_files import clean, read_lines
from seqlab.data.tokenizers import Tokenizer, tokenizer_from_state
from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, as_list
from seqlab.evaluation.translation_report import (
    CorpusScores,
    TrainingPairs,
    TranslationOutcome,
    attention_sections,
    samples_section,
)
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.search.hypotheses import Hypothesis
from seqlab.search.translate import translate_texts
from seqlab.tasks.translation import Translation

if TYPE_CHECKING:
    import pandas as pd

TOKENIZERS = ("13a", "intl", "char", "zh", "none")


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
        return training, prefixed("val", found)

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
            "nats per target token"
            if task.loss_per == "token"
            else "nats; training: per pair, validation: per target token",
        )

    def predict(self, task: Translation, contents: Contents, path: Path) -> pd.DataFrame:
        """One row per line of a text file: source, translation, score (log-probability over length penalty).

        Raises:
            UserError: a file that is not UTF-8 text, or holds no line.
        """
        import pandas as pd

        lines = read_lines(path)
        translations, hypotheses = self.translate(task, contents, lines)
        scores = [hypothesis.score for hypothesis in hypotheses]
        return pd.DataFrame({"source": lines, "translation": translations, "score": scores})

    def translate(
        self, task: Translation, contents: Contents, lines: Sequence[str]
    ) -> tuple[list[str], list[Hypothesis]]:
        """Translate lines, cleaned as training pairs were, with a checkpoint's own tokenizers.

        An empty line stays empty.
        """
        return translate_texts(task, [clean(line) for line in lines], *stored_tokenizers(contents))

    def encoder(self, contents: Contents) -> Callable[[Any], TranslationBatch]:
        """Source sentences to a batch, whose targets are empty."""
        tokenizers = stored_tokenizers(contents)

        def encode(items: Any) -> TranslationBatch:
            pairs = [(clean(text), "") for text in as_list(items, "source sentences")]
            dataset = PairDataset(encode_pairs(pairs, *tokenizers), torch.device("cpu"))
            return dataset[torch.arange(len(pairs))]

        return encode

    def sections(
        self, task: Translation, datamodule: TranslationData, outcome: TranslationOutcome, curves: Curves
    ) -> list[Section]:
        return [samples_section(outcome), *attention_sections(task, datamodule, outcome)]

    def _translate(
        self, task: Translation, datamodule: TranslationData, sources: Sequence[str]
    ) -> tuple[list[str], list[Hypothesis]]:
        return translate_texts(task, sources, datamodule.source_tokenizer, datamodule.target_tokenizer)


def stored_tokenizers(contents: Contents) -> tuple[Tokenizer, Tokenizer]:
    """Of source and target, as a checkpoint holds them."""
    state = contents.data
    return tokenizer_from_state(state["source_tokenizer"]), tokenizer_from_state(state["target_tokenizer"])


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
