import torch
import torch.nn.functional as F

from gaia_ssl.models.layers import make_input_elastic
from gaia_ssl.models.necks import NormedDenseCLNeck


def test_both_heads_against_plain_computation():
    torch.manual_seed(0)
    neck = NormedDenseCLNeck(6, 5, 4)
    x = torch.randn(8, 6, 3, 2)
    whole, grid, pooled = neck((x,))

    def head(rows, layers):
        rows = rows @ layers[0].weight.view(5, 6).T
        rows = F.relu((rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt())
        rows = rows @ layers[3].weight.view(4, 5).T
        return (rows - rows.mean(0)) / (rows.var(0, unbiased=False) + 1e-5).sqrt()

    torch.testing.assert_close(whole, head(x.flatten(2).mean(2), neck.mlp))
    rows = head(x.permute(0, 2, 3, 1).reshape(-1, 6), neck.mlp2)
    # (NHW, D) -> (N, D, HW)
    torch.testing.assert_close(grid, rows.view(8, 6, 4).transpose(1, 2))
    torch.testing.assert_close(pooled, grid.mean(2))


def test_reads_narrower_features():
    neck = make_input_elastic(NormedDenseCLNeck(6, 5, 4), 6)
    whole, grid, _ = neck((torch.randn(4, 3, 2, 2),))
    assert whole.shape == (4, 4) and grid.shape == (4, 4, 4)
