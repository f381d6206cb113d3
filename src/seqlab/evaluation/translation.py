"""How a translation model is judged: BLEU and chrF, beside copying the source and saying always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import TypedDict

from seqlab.data.batches import TranslationBatch
from seqlab.data.loaders import batches_by_length
from seqlab.data.pairs import PairDataset, encode_pairs
from seqlab.data.text_files import clean, read_lines
from seqlab.data.tokenizers import StoredTokenizer, Tokenizer, tokenizer_from_state
from seqlab.data.translation import Translation as TranslationData
from seqlab.errors import UserError
from seqlab.evaluation.base import Contents, Evaluation, as_list, sized
from seqlab.evaluation.translation_outcome import (
    CorpusScores,
    TrainingPairs,
    TranslationOutcome,
    attention_panels,
    attention_section,
    samples_section,
)
from seqlab.progress import track
from seqlab.report.page import Section
from seqlab.results.outcome import Curves, prefixed
from seqlab.search.beam import Hypothesis
from seqlab.tasks.translation import Translation

if TYPE_CHECKING:
    import pandas as pd

TOKENIZERS = ("13a", "intl", "char", "zh", "none")
BATCH_SIZE = 100
BATCH_TOKENS = 20_000  # source tokens of a batch, padding counted: a few long lines need no more memory


class PairsState(TypedDict):
    """A Translation in a checkpoint."""

    source_tokenizer: StoredTokenizer
    target_tokenizer: StoredTokenizer
    source_language: str
    target_language: str


def _sizes(data: PairsState) -> dict[str, int]:
    state: Any = data
    sides = ("source", "target")
    return {f"{side}_vocab_size": len(tokenizer_from_state(state[f"{side}_tokenizer"])) for side in sides}


class TranslationEvaluation(Evaluation):
    """Translate validation and test splits; nothing but the most frequent translation is fitted.

    Args:
        tokenize: sacreBLEU's tokenizer. Figures compare only under the same one.

    Raises:
        UserError: another tokenizer than TOKENIZERS.
    """

    def stored(self) -> Any:
        return sized(PairsState, _sizes)

    def __init__(self, *, tokenize: str = "13a") -> None:
        if tokenize not in TOKENIZERS:
            raise UserError(f"evaluation.tokenize={tokenize}: choose {', '.join(TOKENIZERS)}")
        self.tokenize = tokenize

    def fit(self, task: Translation, datamodule: TranslationData) -> tuple[TrainingPairs, dict[str, float]]:
        """What is remembered of training, and how well the validation split is translated."""
        sources, references = zip(*datamodule.pairs("val"), strict=True)
        translations, _ = translate_texts(task, sources, *datamodule.tokenizers)
        scores = CorpusScores.of(translations, references, self.tokenize)
        nll, right, num_tokens = forced_figures(task, datamodule.val_dataloader(), len(sources)).sum(axis=1)
        found = {"bleu": scores.bleu, "chrf": scores.chrf, "loss": nll / num_tokens}
        found["accuracy"] = right / num_tokens
        return TrainingPairs.fit(datamodule.pairs("train")), prefixed("val", found)

    def test(
        self, task: Translation, datamodule: TranslationData, judge: TrainingPairs
    ) -> TranslationOutcome:
        """Translate and score the test split, which ``open_test`` must have unlocked."""
        pairs = datamodule.pairs("test")
        sources, references = map(list, zip(*pairs, strict=True))
        translations, hypotheses = translate_texts(task, sources, *datamodule.tokenizers)
        repeated = judge.repeated(pairs)
        is_new = np.flatnonzero(~repeated["source"] & ~repeated["target"])
        new = is_new.tolist()
        of_new = [translations[row] for row in new], [references[row] for row in new]
        most_frequent = [judge.most_frequent] * len(pairs)
        nll, _, num_tokens = forced_figures(task, datamodule.test_dataloader(), len(pairs))
        is_greedy, per_token = task.beam_size == 1, task.loss_per == "token"
        beam = f"beam of {task.beam_size}, length penalty {task.length_penalty:g}"
        return TranslationOutcome(
            sources,
            references,
            translations,
            hypotheses,
            CorpusScores.of(translations, references, self.tokenize),
            repeated,
            is_new,
            CorpusScores.of(*of_new, self.tokenize) if new else None,
            nll,
            num_tokens.astype(np.int64),
            {
                "copy_source": CorpusScores.of(sources, references, self.tokenize),
                "most_frequent": CorpusScores.of(most_frequent, references, self.tokenize),
            },
            "greedy search" if is_greedy else beam,
            "nats per target token"
            if per_token
            else "nats; training: per pair, validation: per target token",
            attention_panels(task, datamodule, sources, hypotheses),
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
        """Translate lines, cleaned as training pairs were, with a checkpoint's own tokenizers."""
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
        return [samples_section(outcome), *attention_section(outcome)]


def stored_tokenizers(contents: Contents) -> tuple[Tokenizer, Tokenizer]:
    """Of source and target, as a checkpoint holds them."""
    state = contents.data
    return tokenizer_from_state(state["source_tokenizer"]), tokenizer_from_state(state["target_tokenizer"])


def translate_texts(
    task: Translation,
    texts: Sequence[str],
    source_tokenizer: Tokenizer,
    target_tokenizer: Tokenizer,
    *,
    batch_size: int = BATCH_SIZE,
) -> tuple[list[str], list[Hypothesis]]:
    """Translate N texts, searched in batches of similar length; an empty one gives an empty translation.

    Returns:
        N translations and the hypotheses they were decoded from, in the order of ``texts``.
    """
    encoded = encode_pairs([(text, "") for text in texts], source_tokenizer, target_tokenizer)
    lengths = torch.from_numpy(np.diff(encoded.source_offsets))
    dataset = PairDataset(encoded, task.device)
    hypotheses = [Hypothesis([], 0.0)] * len(texts)
    batches = batches_by_length(lengths, batch_size, BATCH_TOKENS, seed=0, shuffle=False)
    for batch in track(batches, "translating"):
        rows = batch[lengths[batch] > 0]
        if len(rows):
            for row, found in zip(rows.tolist(), task.predict_step(dataset[rows]), strict=True):
                hypotheses[row] = found
    return [target_tokenizer.decode(found.tokens) for found in hypotheses], hypotheses


@torch.inference_mode()
def forced_figures(task: Translation, batches: Any, num_pairs: int) -> NDArray[np.float64]:
    """(3, N) nats of each pair, right first guesses, target tokens, each told the true tokens before it."""
    task.eval()
    found = np.zeros((3, num_pairs))
    for batch in track(batches, "judging"):
        each = torch.stack([part.double() for part in task.pair_scores(batch)])
        found[:, batch.pair.cpu().numpy()] = each.cpu().numpy()
    return found
