import torch

from seqlab.data.pairs import PairDataset, encode_pairs, pair_batch
from seqlab.data.tokenizers import WordTokenizer

PAD, BOS, EOS = 0, 1, 2
PAIRS = [("a b c", "x"), ("a", "x y"), ("b c", "y y z")]
CPU = torch.device("cpu")


def test_a_batch_by_hand() -> None:
    source = WordTokenizer.train([one for one, _ in PAIRS])  # a, b, c are 4, 5, 6
    target = WordTokenizer.train([other for _, other in PAIRS])  # y 4, x 5, z 6
    encoded = encode_pairs(PAIRS, source, target)
    batch = PairDataset(encoded, CPU)[torch.tensor([2, 0])]
    assert batch.source.tolist() == [[5, 6, EOS, PAD], [4, 5, 6, EOS]]
    assert batch.source_lengths.tolist() == [3, 4]
    assert batch.target.tolist() == [[4, 4, 6, EOS], [5, EOS, PAD, PAD]]
    assert batch.decoder_input.tolist() == [[BOS, 4, 4, 6], [BOS, 5, PAD, PAD]]
    assert batch.target_lengths.tolist() == [4, 2]
    assert batch.pair.tolist() == [2, 0]
    assert int(batch.num_units) == 6


def test_pairs_are_sorted_by_target_length_then_source_length() -> None:
    words = WordTokenizer.train(["a"])
    encoded = encode_pairs([("a a a", "a a"), ("a", "a a"), ("a a a a", "a")], words, words)
    assert torch.argsort(encoded.sort_keys()).tolist() == [2, 1, 0]


def test_an_empty_source_is_its_end_and_a_single_pair_has_the_shape_of_training() -> None:
    words = WordTokenizer.train(["a b"])
    encoded = encode_pairs([("a b", ""), ("", ""), ("b", "")], words, words)
    batch = PairDataset(encoded, CPU)[torch.arange(3)]
    assert batch.source.tolist() == [[4, 5, EOS], [EOS, PAD, PAD], [5, EOS, PAD]]
    assert batch.source_lengths.tolist() == [3, 1, 2]
    one = pair_batch([4, 5], [6], CPU)
    assert one.source.tolist() == [[4, 5, EOS]]
    assert one.decoder_input.tolist() == [[BOS, 6]]
    assert one.target.tolist() == [[6, EOS]]
