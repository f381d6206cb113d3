from pathlib import Path

import pytest
import torch

from seqlab.data.names import Names
from seqlab.errors import UserError
from seqlab.networks.name_classifier import NameClassifier
from seqlab.prediction.classification import predict_labels, read_names
from seqlab.tasks.classification import Classification


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "input.txt"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def test_lines_and_columns_are_told_apart_and_empty_ones_counted(tmp_path: Path) -> None:
    assert read_names(written(tmp_path, "Kim, Jr.\n\n Lee \n  \n")) == (["Kim, Jr.", "Lee"], 2)
    content = 'id,"name"\n1,"Kim, Jr."\n\n2,\n3,Lee\n'
    assert read_names(written(tmp_path, content)) == (["Kim, Jr.", "Lee"], 2)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"input\.txt: the file is empty; expected one name .or text. a line"),
        ("name\n", r"input\.txt: no name in it"),
        (b"Kim\nM\xfcller\n", r"input\.txt, line 2: byte 0xfc is not UTF-8"),
        ("id,name\n1,Kim\n2\n", r"input\.txt, line 3: 1 fields, the first line has 2"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_names(written(tmp_path, content))


def test_prediction_is_that_of_the_datas_own_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = Names(sample={"num_names": 200})
    data.setup()
    torch.manual_seed(0)
    task = Classification(network=NameClassifier(**data.sizes, embedding_size=6, hidden_size=6)).eval()
    names = data.names("val").names
    path = written(tmp_path, "\n".join([*names, "", "ꙮꙮ"]))
    table = predict_labels(task, {"data": data.state()}, path)
    assert table["name"].tolist() == [*names, "ꙮꙮ"]
    assert "1 empty lines were passed over" in capsys.readouterr().err
    expected = task.predict_step(data.dataset("val")[torch.arange(len(names))]).detach()
    assert table["probability"][:-1].tolist() == pytest.approx(expected.amax(dim=1).tolist(), rel=1e-4)
    guesses = [data.coder.labels[number] for number in expected.argmax(dim=1).tolist()]
    assert table["predicted"][:-1].tolist() == guesses
    assert (table["runner_up"] != table["predicted"]).all()
    assert (table["runner_up_probability"] <= table["probability"]).all()


def test_texts_are_read_from_a_column_headed_as_in_training(tmp_path: Path) -> None:
    path = tmp_path / "new.tsv"
    path.write_text('review\tid\nso, "so"\t1\n\nfine\t2\n', encoding="utf-8")
    assert read_names(path, "Review") == (['so, "so"', "fine"], 1)
    lines = "Well, text, me\nsecond line\n"  # no header: it has spaces
    assert read_names(written(tmp_path, lines)) == (["Well, text, me", "second line"], 0)


def test_a_training_file_without_a_header_is_read_by_its_first_column(tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text('"Adsit","Czech"\n"Kim","Korean"\n', encoding="utf-8")
    assert read_names(path) == (["Adsit", "Kim"], 0)
    (tmp_path / "wide.csv").write_text("1,Adsit,Czech\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"wide\.csv, line 1: 3 fields and no header"):
        read_names(tmp_path / "wide.csv")
