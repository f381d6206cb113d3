"""From a translation run to its report: sample translations, and where the network looked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from markupsafe import Markup

from seqlab.evaluation.translation import spread_rows
from seqlab.report.heat_map import heat_map
from seqlab.report.page import Section
from seqlab.report.run_page import write_run_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import text_table

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from seqlab.data.translation import Translation as TranslationData
    from seqlab.evaluation.translation import TranslationOutcome
    from seqlab.tasks.translation import Translation
    from seqlab.training.history import History
    from seqlab.training.run_folder import RunFolder

SAMPLES = 12
HEAT_MAPS = 4
LONGEST_HEAT_MAP = 32  # tokens a side; more do not fit a page


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: Translation,
    datamodule: TranslationData,
    outcome: TranslationOutcome,
    metrics: Mapping[str, float],
    history: History,
) -> None:
    """Write report.html, and into environment.json the signatures that make BLEU and chrF comparable."""
    signatures = {"bleu": outcome.scores.bleu_signature, "chrf": outcome.scores.chrf_signature}
    folder.write_json("environment.json", folder.read_environment() | {"signatures": signatures})
    write_run_page(
        folder,
        config,
        outcome.result_table(),
        metrics,
        history,
        [samples_section(outcome), *attention_sections(task, datamodule, outcome)],
        facts=datamodule.facts(),
        emphasis="model",
        loss_label=(
            "loss (nats per target token)"
            if task.loss_per == "token"
            else "loss (nats; training: per pair, validation: per target token)"
        ),
    )


def samples_section(outcome: TranslationOutcome) -> Section:
    """Test sentences spread evenly over the file, whether well translated or not."""
    rows = spread_rows(len(outcome.sources), SAMPLES)
    table = text_table(
        ("source", "reference", "translation"),
        [(outcome.sources[row], outcome.references[row], outcome.translations[row]) for row in rows],
        caption="Test sentences",
    )
    return Section("Translations", table, "Sentences are taken evenly over the test file, not chosen.")


def attention_sections(
    task: Translation, datamodule: TranslationData, outcome: TranslationOutcome
) -> list[Section]:
    """Heat maps of the first test sentences that fit; nothing for a network without attention."""
    from seqlab.data.translation_batches import pair_batch

    maps: list[Markup] = []
    for source, hypothesis in zip(outcome.sources, outcome.hypotheses, strict=True):
        source_ids = datamodule.source_tokenizer.encode(source)
        if not 1 < len(source_ids) <= LONGEST_HEAT_MAP or not 0 < len(hypothesis.tokens) <= LONGEST_HEAT_MAP:
            continue
        weights = task.attention_weights(pair_batch(source_ids, hypothesis.tokens, task.device))
        if weights is None:
            return []
        maps.append(
            heat_map(
                weights[0].float().cpu().numpy(),
                [*datamodule.target_tokenizer.pieces(hypothesis.tokens), "<eos>"],
                [*datamodule.source_tokenizer.pieces(source_ids), "<eos>"],
                source,
                row_title="written",
                column_title="read",
            )
        )
        if len(maps) == HEAT_MAPS:
            break
    if not maps:
        return []
    note = "Each row is a token of the translation; its shades say which source tokens the decoder looked at."
    return [Section("Attention", chart_grid(maps), note)]
