"""From a language model's run to its report: what it writes, and where a text surprised it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING

from markupsafe import Markup

from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.run_page import write_run_page
from seqlab.report.shaded_text import shaded_text
from seqlab.report.svg import chart_grid
from seqlab.search.sampling import Sampling, sample_tokens

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seqlab.data.characters import CharacterSequence
    from seqlab.evaluation.language_model import LanguageModelOutcome
    from seqlab.tasks.language_model import LanguageModel
    from seqlab.training.history import History
    from seqlab.training.run_folder import RunFolder

SAMPLES = (("Always the likeliest", 0.0), ("Temperature 0.7", 0.7), ("Temperature 1", 1.0))
SAMPLE_LENGTH = {"char": 400, "word": 90}
PASSAGE = {"char": 1200, "word": 250}  # tokens of the shaded text


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: LanguageModel,
    datamodule: CharacterSequence,
    outcome: LanguageModelOutcome,
    metrics: Mapping[str, float],
    history: History,
) -> None:
    """Write report.html of a language model's run."""
    write_run_page(
        folder,
        config,
        outcome.result_table(),
        metrics,
        history,
        [samples_section(task, outcome, config.seed), passage_section(outcome), *accuracy_sections(history)],
        facts=datamodule.facts(),
        emphasis="model",
        loss_label=f"loss (nats per {datamodule.codec.unit_name.removesuffix('s')})",
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
    style = Markup("<style>.written { white-space: pre-wrap; margin-bottom: 1.2rem; }</style>")
    begun = codec.piece(codec.start)
    after = "after a line's end" if begun == "\n" else f"from {begun!r}, which training began with"
    note = f"Written {after}; the first draw of seed {seed}, not a chosen one. More: `seqlab generate`."
    return Section("What it writes", style + Markup("\n").join(blocks), note)


def passage_section(outcome: LanguageModelOutcome) -> Section:
    """The beginning of the measured part, shaded by surprise."""
    codec, part = outcome.codec, outcome.part
    ids = codec.encode(part.text)[: PASSAGE[codec.unit]].tolist()
    pieces = codec.written(ids, part.text)
    surprise = [math.nan, *part.nll[: len(ids) - 1].tolist()]
    body = shaded_text(pieces, surprise, codec.unit_name.removesuffix("s"))
    note = f"The beginning of the {part.name} part: the darker a token's ground, the less it was expected."
    return Section("Where the text surprised it", body, note)


def accuracy_sections(history: History) -> list[Section]:
    """Share of right first guesses on the validation part over epochs, where it was logged."""
    if "val/accuracy" not in history.series:
        return []
    lines = {"val/accuracy": history.series["val/accuracy"]}
    chart = line_chart(lines, "epoch", "share of right first guesses", title="Accuracy while training")
    return [Section("Validation", chart_grid([chart]))]
