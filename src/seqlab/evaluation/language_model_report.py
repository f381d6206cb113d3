"""What judging a language model gave: figures, the table, scores.csv, and pictures for the report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from textwrap import shorten
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from seqlab.data.text_codec import TextCodec
from seqlab.data.vocabulary import SPECIAL
from seqlab.report.page import Section
from seqlab.report.sentences import shaded_text
from seqlab.results.outcome import Outcome, ResultTable, best_baseline, prefixed
from seqlab.search.sampling import Sampling, sample_tokens
from seqlab.tasks.language_model import LanguageModel

if TYPE_CHECKING:
    import pandas as pd

SAMPLES = (("Always the likeliest", 0.0), ("Temperature 0.7", 0.7), ("Temperature 1", 1.0))
SAMPLE_LENGTH = {"char": 400, "word": 90}
MOST_RUNS = 2_000
EXAMPLE = 60  # characters of a text on the terminal
PASSAGE = {"char": 1200, "word": 250}  # tokens of the shaded text


@dataclass(frozen=True)
class PartScores:
    """A part of the text as the network read it: N tokens, the first of which is predicted by nothing."""

    name: str  # val or test
    text: str
    nll: NDArray[np.float64]  # (N - 1,) nats of each token but the first
    loss: float  # nats per prediction
    accuracy: float  # share of predictions whose first guess was right
    baselines: Mapping[str, float]  # nats per token of each n-gram
    # of a text that is learned by heart, the likeliest tokens (of windows: of the first, then what each adds)
    read_on: str | None = None
    read_on_accuracy: float | None = None
    # (5, N - 1) of each token: nats, right predictions, predictions (windows give several);
    # whether it was read on rightly, and at all
    counted: NDArray[np.float64] | None = None

    def figures(self, unit: str) -> dict[str, float]:
        """loss, its other writing, accuracy, and that of the text read on where there is one."""
        figures = loss_figures(self.loss, unit) | {"accuracy": self.accuracy}
        if self.read_on_accuracy is None:
            return figures
        return figures | {"read_on_accuracy": self.read_on_accuracy}


def loss_figures(loss: float, unit: str) -> dict[str, float]:
    """Nats per token, and what readers of a unit are used to: bits per character, perplexity of words."""
    if unit == "char":
        return {"loss": loss, "bits_per_char": loss / math.log(2)}
    return {"loss": loss, "perplexity": math.exp(loss)}


@dataclass(frozen=True)
class LanguageModelOutcome(Outcome):
    """The part that was measured: test, or val where no test part is kept."""

    part: PartScores
    codec: TextCodec
    reading: str  # how the text was read

    @property
    def baselines(self) -> dict[str, dict[str, float]]:
        """Figures of each n-gram."""
        return {name: loss_figures(loss, self.codec.unit) for name, loss in self.part.baselines.items()}

    @property
    def metrics(self) -> dict[str, float]:
        """Those of the test part; of a validation part the n-grams', as the fit gave the network's."""
        is_test = self.part.name == "test"
        found = prefixed("test", self.part.figures(self.codec.unit)) if is_test else {}
        for name, figures in self.baselines.items():
            found |= prefixed(f"{'baseline' if is_test else 'val'}/{name}", figures)
        return found

    @property
    def _runs(self) -> NDArray[np.int64]:
        """First tokens of at most MOST_RUNS runs of equal length, which are what a bootstrap draws."""
        number = len(self.part.nll)
        return np.arange(0, number, -(-number // MOST_RUNS) or 1)

    @property
    def num_items(self) -> int:
        """Runs of tokens; none of a validation part, whose figures are not called test."""
        return len(self._runs) if self.part.name == "test" and self.part.counted is not None else 0

    @property
    def run_length(self) -> int:
        """N^(1/3) of N runs (Hall, Horowitz & Jing, Biometrika 1995): neighbors are of one passage."""
        return math.ceil(self.num_items ** (1 / 3))

    def resampled(self, weights: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
        """All of ``test/``."""
        if not self.num_items or self.part.counted is None:
            return {}
        sums = np.add.reduceat(self.part.counted, self._runs, axis=1)  # (5, N)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            nats, right, predictions, read_right, read = sums @ weights.T
            loss = nats / predictions
            found = {"loss": loss, "bits_per_char": loss / math.log(2), "perplexity": np.exp(loss)}
            found |= {"accuracy": right / predictions, "read_on_accuracy": read_right / read}
        keyed = {f"test/{name}": values for name, values in found.items()}
        return {name: values for name, values in keyed.items() if name in self.metrics}

    def support(self) -> dict[str, int]:
        """Predicted tokens."""
        return {name: len(self.part.nll) for name in self.metrics if name.startswith("test/")}

    def in_words(self) -> list[tuple[str, str]]:
        """Bits per character, or perplexity, and the best n-gram's; how a text was read by heart."""
        part, unit = self.part, self.codec.unit
        key, name = ("bits_per_char", "bits per character") if unit == "char" else ("perplexity",) * 2
        own, counted = part.figures(unit)[key], f"{len(part.nll):,} {self.codec.unit_name}"
        guessed = f"the next is guessed right in {part.accuracy:.1%}"
        found = [("predicts", f"the {part.name} part, {counted}, at {own:.3f} {name}; {guessed}")]
        if part.read_on is not None:
            text, read = (shorten(each, EXAMPLE, placeholder=" ...") for each in (part.text, part.read_on))
            found.append(("by heart", f"{text!r} is read on as {read!r}, {part.read_on_accuracy:.0%} right"))
        if self.baselines:
            grams = {gram: figures[key] for gram, figures in self.baselines.items()}
            best, verdict = best_baseline(grams, own, smaller=True)
            found.append(
                ("baseline", f"{best}, the best without a network: {min(grams.values()):.3f} {name}{verdict}")
            )
        return found

    def next_steps(self, checkpoint: str) -> list[str]:
        return [f"generate {checkpoint} --length 300"]

    def score_table(self) -> pd.DataFrame:
        """One row per line of the part: number, tokens, loss, unknown tokens, text."""
        return line_table(self.codec, self.part.text, self.part.nll)

    def result_table(self) -> ResultTable:
        """The network, then what needs none."""
        columns = {"loss": "loss", "bits_per_char": "bits/char", "accuracy": "accuracy"}
        if self.codec.unit == "word":
            columns = {"loss": "loss", "perplexity": "perplexity", "accuracy": "accuracy"}
        token = self.codec.unit_name.removesuffix("s")
        notes = [
            ("loss", f"nats per {token}; {self.reading}"),
            ("n-gram", "counted on the training part, Witten-Bell smoothing, nothing chosen"),
        ]
        if self.part.read_on is not None:
            columns["read_on_accuracy"] = "read on"
            notes = [("text", self.part.text), ("predicted", self.part.read_on), *notes]
        own, baselines = self.part.figures(self.codec.unit), self.baselines.items()
        return ResultTable(
            title=f"{self.part.name} part: {len(self.part.nll):,} predicted {self.codec.unit_name}",
            columns=tuple(columns.values()),
            model_rows=[("model", [own.get(name) for name in columns])],
            baseline_rows=[(name, [figures.get(key) for key in columns]) for name, figures in baselines],
            notes=notes,
            loss_unit=f"nats per {token}",
            figures=tuple(columns),
            prefixes={"model": self.part.name},
            support=self.support(),
        )


def line_table(codec: TextCodec, text: str, nll: NDArray[np.float64]) -> pd.DataFrame:
    """One row per line: its number, tokens, loss in nats per token, tokens that training lacks, its text.

    A line's break belongs to it. The text's first token is predicted by nothing: it counts in no loss, and a
    line of that token alone has none.

    Args:
        nll: (N - 1,) nats of each token of the text but the first.
    """
    import pandas as pd

    lines = text.split("\n")
    lengths = codec.line_lengths(text)
    if not lengths[-1]:  # the text ends with a line break
        lines, lengths = lines[:-1], lengths[:-1]
    starts = np.cumsum(lengths) - lengths
    is_counted = np.arange(int(np.sum(lengths))) > 0
    is_unknown = codec.encode(text) == SPECIAL.unk
    counted = np.add.reduceat(is_counted, starts, dtype=np.int64)
    total = np.add.reduceat(np.concatenate(([0.0], nll)), starts)
    return pd.DataFrame(
        {
            "line": np.arange(1, len(lines) + 1),
            codec.unit_name: lengths,
            "loss": np.where(counted > 0, total / np.maximum(counted, 1), np.nan),
            "unknown": np.add.reduceat(is_unknown, starts, dtype=np.int64),
            "text": lines,
        }
    )


def samples_section(task: LanguageModel, outcome: LanguageModelOutcome, seed: int) -> Section:
    """Texts that the network writes, one for each temperature; the first draw, not a chosen one."""
    codec = outcome.codec
    length = min(SAMPLE_LENGTH[codec.unit], 4 * len(outcome.part.nll))
    blocks = []
    for title, temperature in SAMPLES:
        drawn = sample_tokens(
            task.network,
            [codec.start],
            sampling=Sampling(temperature),
            forbidden=codec.unwritable,
            seed=seed,
        )
        text = codec.decode([codec.start, *islice(drawn, length)]).removeprefix("\n")
        blocks.append(
            Markup(
                '<figure><figcaption>{}</figcaption><pre class="written" tabindex="0">{}</pre></figure>'
            ).format(title, text)
        )
    begun = codec.piece(codec.start)
    after = "after a line's end" if begun == "\n" else f"from {begun!r}, which training began with"
    note = f"Written {after}; the first draw of seed {seed}, not a chosen one. More: `seqlab generate`."
    return Section("What it writes", Markup("\n").join(blocks), note)


def passage_section(outcome: LanguageModelOutcome) -> Section:
    """The beginning of the measured part, shaded by surprise."""
    codec, part = outcome.codec, outcome.part
    ids = codec.encode(part.text)[: PASSAGE[codec.unit]].tolist()
    pieces = codec.written(ids, part.text)
    surprise = [math.nan, *part.nll[: len(ids) - 1].tolist()]
    body = shaded_text(pieces, surprise, codec.unit_name.removesuffix("s"))
    note = f"The beginning of the {part.name} part: the darker a token's ground, the less it was expected."
    return Section("Where the text surprised it", body, note)
