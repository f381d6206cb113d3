"""From a tagging run to its report: sentences with their entities marked, figures by type."""

from __future__ import annotations

from markupsafe import Markup
from omegaconf import DictConfig

from seqlab.data.entities import Entities
from seqlab.evaluation.tagging import TaggingOutcome
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.run_page import write_run_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import metrics_table
from seqlab.report.tagged_sentences import TaggedSentence, choose_sentences, tagged_block
from seqlab.tasks.tagging import Tagging
from seqlab.training.history import History
from seqlab.training.run_folder import RunFolder

NUM_SENTENCES = 30


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: Tagging,
    datamodule: Entities,
    outcome: TaggingOutcome,
    metrics: dict[str, float],
    history: History,
) -> None:
    """Write report.html of a tagging run."""
    table = outcome.result_table()
    write_run_page(
        folder,
        config,
        table,
        metrics,
        history,
        [sentences_section(outcome), types_section(outcome), *f1_sections(history)],
        facts=datamodule.facts(),
        emphasis=table.model_rows[0][0],
        loss_label="loss (nats per token)",
    )


def sentences_section(outcome: TaggingOutcome) -> Section:
    """Test sentences with gold and predicted entities."""
    sentences = []
    for number, first in enumerate(outcome.sentences.firsts.tolist()):
        tokens, gold = outcome.sentences.sentence(number)
        sentences.append(TaggedSentence(tokens, gold, outcome.predicted[first : first + len(tokens)]))
    chosen = choose_sentences(sentences, NUM_SENTENCES)
    note = f"{len(chosen)} test sentences, drawn at random among those with an entity in gold or prediction."
    return Section("Tagged sentences", tagged_block(chosen, outcome.types), note)


def types_section(outcome: TaggingOutcome) -> Section:
    """Figures of each entity type on the test split."""
    rows: list[tuple[str, list[float | None]]] = [
        (name, [*figures, predicted, gold]) for name, figures, predicted, gold in outcome.type_figures()
    ]
    columns = ("precision", "recall", "F1", "predicted", "gold")
    body = metrics_table(columns, rows, row_title="entity type")
    return Section("Entity types", body, "On the test split; exact bounds and type.")


def f1_sections(history: History) -> list[Section]:
    """Entity F1 on the validation split over epochs, where it was logged."""
    lines = {name: history.series[name] for name in ("val/entity_f1",) if name in history.series}
    if not lines:
        return []
    chart: Markup = line_chart(lines, "epoch", "entity F1", title="Entity F1 while training")
    return [Section("Entity F1", chart_grid([chart]))]
