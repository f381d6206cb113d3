from pathlib import Path

import numpy as np
import torch

from seqlab.data.characters import CharacterSequence
from seqlab.evaluation.language_model import LanguageModelOutcome, PartScores
from seqlab.evaluation.language_model_report import passage_section, samples_section
from seqlab.networks.char_rnn import CharRNN
from seqlab.tasks.language_model import LanguageModel


def run(text: str = "ab\n<ab>\n", unit: str = "char") -> tuple[LanguageModel, LanguageModelOutcome]:
    data = CharacterSequence(text=text, unit=unit)
    data.setup()
    torch.manual_seed(0)
    task = LanguageModel(pad_id=0, network=CharRNN(**data.sizes, hidden_size=4))
    nll = np.linspace(0, 10, len(data.ids("train")) - 1)
    return task, LanguageModelOutcome(PartScores("val", text, nll, 5.0, 0.5, {}), data.codec, "once")


def test_samples_are_of_three_temperatures_and_repeat() -> None:
    task, outcome = run()
    section = samples_section(task, outcome, 7)
    assert section.body.count('<pre class="written"') == 3
    assert section.body == samples_section(task, outcome, 7).body
    assert section.body != samples_section(task, outcome, 8).body
    assert "Written after a line's end" in section.note
    assert "seed 7" in section.note


def test_the_passage_is_the_beginning_of_the_part(tmp_path: Path) -> None:
    for unit in ("char", "word"):
        _, outcome = run(unit=unit)
        section = passage_section(outcome)
        assert "The beginning of the val part" in section.note
        passage = section.body.split('<p class="running">')[1]
        assert passage.startswith("a")
        assert "&lt;" in passage
        assert 'class="s5"' in passage
