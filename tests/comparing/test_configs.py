from pathlib import Path

import pytest
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from seqlab.comparing.configs import choices_of, flatten, read_config


@pytest.mark.parametrize("model", ["gru", "lstm", "seq2seq", "entity_tagger"])
def test_reading_by_blocks_gives_what_the_whole_text_gives(root: Path, model: str) -> None:
    with initialize_config_dir(str(root / "conf"), version_base="1.3"):
        text = OmegaConf.to_yaml(compose("train", overrides=[f"model={model}", "+note='two\n\nlines: 1'"]))
    assert read_config(text) == flatten(yaml.safe_load(text))
    assert len(read_config(text)) > 80


def test_lists_at_the_left_edge_aliases_and_odd_keys_are_read() -> None:
    assert read_config("a:\n- 1\n- 2\nb: {}\nc:\n  d: null\n") == {"a": [1, 2], "b": {}, "c.d": None}
    assert read_config("a: &x\n  k: 1\nb: *x\n") == {"a.k": 1, "b.k": 1}
    assert read_config("# only\n# comments\n") == {}


@pytest.mark.parametrize("text", ["a: [1\n", "just words\n", "a: 1\n  b: 2\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_config(text)


def test_choices_are_those_of_the_run_without_hydras_own() -> None:
    text = (
        "hydra:\n  help:\n    template: 'choices:\n\n      x: y'\n  runtime:\n    version: 1.3\n"
        "    choices:\n      experiment: null\n      model: gru\n      hydra/env: default\n  verbose: false\n"
    )
    assert choices_of(text) == {"model": "gru"}
    with pytest.raises(ValueError, match="no choices"):
        choices_of("hydra:\n  verbose: false\n")
