import pytest
import torch
import torch.nn as nn
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_ssl.models.layers import kernel_dims, part_of
from gaia_ssl.models.layers.slicing import dense_part

SIZES = st.integers(1, 6)


@pytest.mark.parametrize('shape', [(), (3,), (3, 2), (3, 2, 1, 1), (3, 2, 3, 5)])
def test_part_is_the_first_channels_and_the_centre(shape):
    full = (5, 4, 5, 5)[: len(shape)]
    weight = torch.arange(float(torch.Size(full).numel())).view(full)
    part = part_of(weight, shape, len(shape[2:]))
    assert part.shape == shape
    if len(shape) == 4:
        assert part[2, 1, shape[2] // 2, shape[3] // 2] == weight[2, 1, 2, 2]
        assert part[0, 0, 0, 0] == weight[0, 0, (5 - shape[2]) // 2, (5 - shape[3]) // 2]
    elif shape:
        assert part.flatten()[0] == weight.flatten()[0]


@pytest.mark.parametrize('full, shape', [((1, 7, 8), (1, 7, 6)), ((1, 1, 1, 8), (1, 1, 1, 6))])
def test_embeddings_and_scales_keep_their_first_channels(full, shape):
    weight = torch.randn(full)
    assert torch.equal(part_of(weight, shape), weight[..., :6])


def test_only_weights_of_convolutions_are_kernels():
    conv = nn.Conv2d(4, 4, 3)
    assert kernel_dims(conv, 'weight') == 2 and kernel_dims(conv, 'bias') == 0
    assert kernel_dims(nn.Conv1d(4, 4, 3), 'weight') == 1
    assert kernel_dims(nn.Linear(4, 4), 'weight') == kernel_dims(nn.Module(), 'position') == 0


@settings(max_examples=50, deadline=None)
@given(st.data(), SIZES, SIZES, st.sampled_from([(), (1, 1), (3, 3), (5, 5)]), st.booleans())
def test_dense_part_is_the_view(data, out_full, in_full, kernel, channels_last):
    """Value and gradient, once and accumulated, in both memory formats."""
    shape = [data.draw(st.integers(1, full)) for full in (out_full, in_full)]
    shape += 2 * [data.draw(st.sampled_from(range(1, kernel[0] + 1, 2)))] if kernel else []
    weight = torch.randn(out_full, in_full, *kernel)
    if channels_last and kernel:
        weight = weight.contiguous(memory_format=torch.channels_last)
    ours, plain = weight.clone().requires_grad_(), weight.clone().requires_grad_()
    for _ in range(2):
        part, expected = dense_part(ours, shape), part_of(plain, shape, len(kernel))
        assert torch.equal(part, expected)
        scale = torch.randn_like(part)
        (part.square() * scale).sum().backward()
        (expected.square() * scale).sum().backward()
        assert torch.equal(ours.grad, plain.grad)


@pytest.mark.parametrize('memory_format', [torch.contiguous_format, torch.channels_last])
def test_dense_part_keeps_the_order(memory_format):
    weight = torch.randn(8, 6, 3, 3).contiguous(memory_format=memory_format).requires_grad_()
    part = dense_part(weight, (4, 2, 3, 3))
    assert part.is_contiguous(memory_format=memory_format)
    part.sum().backward()
    assert weight.grad.is_contiguous(memory_format=memory_format)


def test_all_of_it_is_the_weight_itself():
    weight = torch.randn(4, 3, 1, 1)
    assert dense_part(weight, (4, 3, 1, 1)) is weight


def test_gradient_is_differentiable():
    weight = torch.randn(3, 4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: dense_part(w, (2, 3)), weight)
    assert torch.autograd.gradgradcheck(lambda w: dense_part(w, (2, 3)).square(), weight)
