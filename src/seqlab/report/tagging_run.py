"""From a tagging run to its report: sentences with their entities or tags marked, figures by kind."""

from __future__ import annotations

from markupsafe import Markup
from omegaconf import DictConfig

from seqlab.evaluation.tagging import TaggingOutcome
from seqlab.evaluation.tagging_data import TaggedData
from seqlab.report.charts import line_chart
from seqlab.report.page import Section
from seqlab.report.run_page import write_run_page
from seqlab.report.svg import chart_grid
from seqlab.report.tables import metrics_table, paragraph
from seqlab.report.tagged_sentences import TaggedSentence, choose_sentences, tagged_block
from seqlab.report.tagged_words import choose_wrong, words_block
from seqlab.tasks.tagging import Tagging
from seqlab.training.history import History
from seqlab.training.run_folder import RunFolder

NUM_SENTENCES = 30
NUM_CONFUSED = 20


def write_report(
    folder: RunFolder,
    config: DictConfig,
    task: Tagging,
    datamodule: TaggedData,
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
        _PICTURES[outcome.scheme.key](outcome, history),
        facts=datamodule.facts(),
        emphasis=table.model_rows[0][0],
        loss_label="loss (nats per token)",
    )


def entity_sections(outcome: TaggingOutcome, history: History) -> list[Section]:
    """What the report of BIO tags shows."""
    chart = curve_sections(history, "val/entity_f1", "Entity F1")
    return [sentences_section(outcome), types_section(outcome), *chart]


def plain_sections(outcome: TaggingOutcome, history: History) -> list[Section]:
    """What the report of plain tags shows."""
    chart = curve_sections(history, "val/accuracy", "Accuracy")
    return [confused_section(outcome), words_section(outcome), tags_section(outcome), *chart]


_PICTURES = {"bio": entity_sections, "plain": plain_sections}


def _tagged(outcome: TaggingOutcome) -> list[TaggedSentence]:
    sentences = []
    for number, first in enumerate(outcome.sentences.firsts.tolist()):
        tokens, gold = outcome.sentences.sentence(number)
        sentences.append(TaggedSentence(tokens, gold, outcome.predicted[first : first + len(tokens)]))
    return sentences


def sentences_section(outcome: TaggingOutcome) -> Section:
    """Test sentences with gold and predicted entities."""
    chosen = choose_sentences(_tagged(outcome), NUM_SENTENCES)
    note = f"{len(chosen)} test sentences, drawn at random among those with an entity in gold or prediction."
    return Section("Tagged sentences", tagged_block(chosen, outcome.measures.kinds()), note)


def words_section(outcome: TaggingOutcome) -> Section:
    """Test sentences that hold a wrong tag."""
    sentences = _tagged(outcome)
    chosen = choose_wrong(sentences, NUM_SENTENCES)
    wrong = len(choose_wrong(sentences, len(sentences)))
    note = f"{len(chosen)} of {wrong:,} test sentences with a wrong tag, drawn at random."
    return Section("Tagged sentences", words_block(chosen), note)


def types_section(outcome: TaggingOutcome) -> Section:
    """Figures of each entity type on the test split."""
    body = _kinds_table(outcome, "entity type")
    return Section("Entity types", body, "On the test split; exact bounds and type.")


def tags_section(outcome: TaggingOutcome) -> Section:
    """Figures of each tag on the test split."""
    return Section("Tags", _kinds_table(outcome, "tag"), "Tokens of the test split.")


def _kinds_table(outcome: TaggingOutcome, title: str) -> Markup:
    rows: list[tuple[str, list[float | None]]] = [
        (name, [*figures, predicted, gold]) for name, figures, predicted, gold in outcome.kind_figures()
    ]
    return metrics_table(("precision", "recall", "F1", "predicted", "gold"), rows, row_title=title)


def confused_section(outcome: TaggingOutcome) -> Section:
    """Which tags are taken for which most often."""
    confused = outcome.confused(NUM_CONFUSED)
    if not confused:
        return Section("Confused tags", paragraph("No tag was taken for another."))
    rows: list[tuple[str, list[float | None]]] = [
        (f"{gold} taken for {predicted}", [count, 100 * share]) for gold, predicted, count, share in confused
    ]
    body = metrics_table(("tokens", "% of the right tag"), rows, row_title="right and predicted tag")
    return Section("Confused tags", body, "On the test split, the most frequent mistakes first.")


def curve_sections(history: History, key: str, label: str) -> list[Section]:
    """A validation figure over epochs, where it was logged."""
    if key not in history.series:
        return []
    lines = {key: history.series[key]}
    chart: Markup = line_chart(lines, "epoch", label, title=f"{label} while training")
    return [Section(label, chart_grid([chart]))]
