import pytest
import torch

from gaia_ssl.models.teachers import Features, TeacherNetwork


class Tokens(TeacherNetwork):
    def forward(self, images):
        raise NotImplementedError


@pytest.mark.parametrize('extra', [0, 1, 5])
def test_tokens_become_a_map(extra):
    grid = torch.randn(2, 7, 3, 3)
    others = torch.randn(2, extra, 7)
    tokens = torch.cat([others, grid.flatten(2).mT], dim=1)
    embedding, [found] = Tokens().from_tokens(tokens, extra)
    assert torch.equal(found, grid)
    expected = others[:, 0] if extra else grid.mean((2, 3))
    torch.testing.assert_close(embedding, expected)
    torch.testing.assert_close(
        Tokens('mean').from_tokens(tokens, extra).embedding, grid.mean((2, 3))
    )


def test_positions_of_no_square_give_no_map():
    assert Tokens().from_tokens(torch.randn(2, 8, 7), 1).maps == ()
    assert Features(torch.zeros(1, 2)).maps == ()
