import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.models.layers.slicing import first_channels

SIZES = st.integers(1, 6)


@settings(max_examples=50, deadline=None)
@given(st.data(), SIZES, SIZES, st.sampled_from([(), (1, 1), (3, 3)]), st.booleans())
def test_it_is_indexing(data, out_full, in_full, kernel, channels_last):
    """Value and gradient, once and accumulated, in both memory formats."""
    outs, ins = data.draw(st.integers(1, out_full)), data.draw(st.integers(1, in_full))
    weight = torch.randn(out_full, in_full, *kernel)
    if channels_last and kernel:
        weight = weight.contiguous(memory_format=torch.channels_last)
    ours, plain = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    for _ in range(2):
        part, expected = first_channels(ours, outs, ins), plain[:outs, :ins]
        assert torch.equal(part, expected)
        scale = torch.randn_like(part)
        (part.square() * scale).sum().backward()
        (expected.square() * scale).sum().backward()
        assert torch.equal(ours.grad, plain.grad)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_it_is_dense_and_keeps_the_order(memory_format):
    weight = torch.randn(8, 6, 3, 3).contiguous(memory_format=memory_format).requires_grad_()
    part = first_channels(weight, 4, 2)
    assert part.is_contiguous(memory_format=memory_format)
    part.sum().backward()
    assert weight.grad.is_contiguous(memory_format=memory_format)


def test_all_of_it_is_the_weight_itself():
    weight = torch.randn(4, 3, 1, 1)
    assert first_channels(weight, 4, 3) is weight


def test_gradient_is_differentiable():
    weight = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: first_channels(w, 2, 3), weight)
    assert torch.autograd.gradgradcheck(lambda w: first_channels(w, 2, 3).square(), weight)
