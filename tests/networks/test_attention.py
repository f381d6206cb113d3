import math

import pytest
import torch

from seqlab.errors import UserError
from seqlab.networks.attention import (
    ATTENTIONS,
    ConcatAttention,
    DotAttention,
    GeneralAttention,
    LocationAttention,
    ScaledDotAttention,
    attention_layer,
)

# One query of H=2 over three keys; dot products 1, 2 and 4.
QUERY = torch.tensor([[[1.0, 2.0]]])
KEYS = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [2.0, 1.0]]])
ALL = torch.ones(1, 3, dtype=torch.bool)


def softmax(*scores: float) -> list[float]:
    powers = [math.exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def test_dot_scores_weights_and_context() -> None:
    attention = DotAttention()
    assert attention.score(QUERY, KEYS).tolist() == [[[1.0, 2.0, 4.0]]]
    context, weights = attention(QUERY, KEYS, ALL)
    first, second, third = softmax(1, 2, 4)
    torch.testing.assert_close(weights[0, 0], torch.tensor([first, second, third]))
    torch.testing.assert_close(context[0, 0], torch.tensor([first + 2 * third, second + third]))


def test_scaled_dot_divides_by_the_root_of_the_hidden_size() -> None:
    scores = ScaledDotAttention().score(QUERY, KEYS)
    torch.testing.assert_close(scores[0, 0], torch.tensor([1.0, 2.0, 4.0]) / math.sqrt(2))


def test_general_puts_a_matrix_between_query_and_key() -> None:
    attention = GeneralAttention(2)
    with torch.no_grad():
        attention.project.weight.copy_(torch.tensor([[1.0, 3.0], [0.0, 2.0]]))
    # W k = [1, 0], [3, 2], [5, 2]; times q = [1, 2]
    assert attention.score(QUERY, attention.project_keys(KEYS)).tolist() == [[[1.0, 7.0, 9.0]]]
    assert attention.project.bias is None


def test_concat_is_a_small_network_over_query_and_key() -> None:
    attention = ConcatAttention(2)
    with torch.no_grad():
        attention.project_query.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.5]]))
        attention.project_query.bias.copy_(torch.tensor([0.0, -1.0]))
        attention.project_key.weight.copy_(torch.tensor([[0.5, 0.0], [0.0, 2.0]]))
        attention.reduce.weight.copy_(torch.tensor([[1.0, -2.0]]))
    # query part [1, 0]; key parts [0.5, 0], [0, 2], [1, 2]
    expected = [
        math.tanh(1.5) - 2 * math.tanh(0.0),
        math.tanh(1.0) - 2 * math.tanh(2.0),
        math.tanh(2.0) - 2 * math.tanh(2.0),
    ]
    torch.testing.assert_close(
        attention.score(QUERY, attention.project_keys(KEYS))[0, 0], torch.tensor(expected)
    )


def location(max_length: int) -> LocationAttention:
    attention = LocationAttention(2, max_length)
    with torch.no_grad():
        attention.project.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])[:max_length])
        attention.project.bias.copy_(torch.tensor([0.0, 0.0, 4.0])[:max_length])
    return attention


def test_location_scores_places_whatever_stands_there() -> None:
    assert location(3).score(QUERY, KEYS).tolist() == [[[1.0, 2.0, 7.0]]]
    assert location(3).score(QUERY, -5 * KEYS).tolist() == [[[1.0, 2.0, 7.0]]]
    assert location(3).score(QUERY, KEYS[:, :2]).tolist() == [[[1.0, 2.0]]]


def test_location_gives_places_beyond_the_longest_the_score_of_the_last() -> None:
    longer = torch.cat((KEYS, KEYS), dim=1)
    assert location(2).score(QUERY, longer).tolist() == [[[1.0, 2.0, 2.0, 2.0, 2.0, 2.0]]]


@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name != "none"])
def test_padding_gets_no_weight_and_rows_sum_to_one(name: str) -> None:
    torch.manual_seed(0)
    attention = attention_layer(name, 6, 4)
    query, keys = torch.randn(3, 5, 6), torch.randn(3, 7, 6)
    lengths = torch.tensor([7, 3, 1])
    mask = torch.arange(7) < lengths[:, None]
    contexts, weights = attention(query, keys, mask)
    assert contexts.shape == (3, 5, 6)
    assert weights.shape == (3, 5, 7)
    assert (weights.masked_select(~mask[:, None].expand_as(weights)) == 0).all()
    assert (weights.masked_select(mask[:, None].expand_as(weights)) > 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(3, 5))
    garbage = torch.where(mask[..., None], keys, torch.full_like(keys, 1e4))
    torch.testing.assert_close(attention(query, garbage, mask)[0], contexts)


@pytest.mark.parametrize("name", [name for name in ATTENTIONS if name != "none"])
def test_all_steps_at_once_equal_one_step_at_a_time(name: str) -> None:
    torch.manual_seed(0)
    attention = attention_layer(name, 6, 9)
    query, keys = torch.randn(2, 5, 6), torch.randn(2, 7, 6)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    contexts, weights = attention(query, keys, mask)
    for step in range(5):
        context, weight = attention(query[:, step : step + 1], keys, mask)
        torch.testing.assert_close(context[:, 0], contexts[:, step])
        torch.testing.assert_close(weight[:, 0], weights[:, step])


@pytest.mark.parametrize("name", ["general", "concat", "location"])
def test_learned_scores_are_learned(name: str) -> None:
    torch.manual_seed(0)
    attention = attention_layer(name, 4, 5)
    contexts, _ = attention(torch.randn(2, 3, 4), torch.randn(2, 5, 4), torch.ones(2, 5, dtype=torch.bool))
    contexts.square().sum().backward()
    for parameter in attention.parameters():
        assert parameter.grad.abs().sum() > 0


def test_none_is_no_layer_and_an_unknown_name_lists_the_choices() -> None:
    assert attention_layer("none", 4, 5) is None
    with pytest.raises(UserError) as caught:
        attention_layer("dott", 4, 5)
    assert (
        str(caught.value)
        == "model.network.attention=dott: choose dot, scaled_dot, general, concat, location, none"
    )
