import numpy as np
import pytest
import torch

from gaia_ssl.models.teachers import PrincipalComponents
from gaia_ssl.utils import UserError


def points(number=40, channels=6):
    generator = torch.Generator().manual_seed(0)
    scale = torch.arange(1.0, channels + 1)
    return torch.randn(number, channels, generator=generator) * scale + 5


def test_components_are_the_leading_singular_vectors():
    components = PrincipalComponents(6, 3)
    components.fit(points())
    centred = (points() - points().mean(0)).double().numpy()
    _, values, axes = np.linalg.svd(centred)
    overlap = components.components.double().numpy() @ axes.T
    np.testing.assert_allclose(np.abs(overlap), np.eye(3, 6), atol=1e-5)
    mapped = components(points())
    np.testing.assert_allclose(mapped.mean(0), np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(mapped.norm(dim=0), values[:3], rtol=1e-5)
    # the sign does not depend on the solver
    rows = components.components
    assert (rows.gather(1, rows.abs().argmax(1, keepdim=True)) > 0).all()


def test_mixed_precision_does_not_round_them():
    components = PrincipalComponents(6, 3)
    components.fit(points())
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(components(points()), components(points()))
        assert components(points()).dtype == torch.float32


def test_they_stay_in_a_state_dict_and_a_file(tmp_path):
    first, second = PrincipalComponents(6, 3), PrincipalComponents(6, 3)
    assert not first.fitted and not list(first.parameters())
    first.fit(points())
    assert first.fitted
    torch.save(first.state_dict(), tmp_path / 'components.pth')
    second.load(str(tmp_path / 'components.pth'))
    assert torch.equal(first(points()), second(points()))
    with pytest.raises(UserError, match=r'components.pth has no center of shape \(5,\)'):
        PrincipalComponents(5, 3).load(str(tmp_path / 'components.pth'))


def test_mistakes():
    for number in (0, 7, 2.5):
        with pytest.raises(UserError, match=f'model.components: {number} is not in 1 to 6'):
            PrincipalComponents(6, number)
    with pytest.raises(UserError, match='3 components need more than 3 images'):
        PrincipalComponents(6, 3).fit(points(3))
    with pytest.raises(UserError, match='not computed yet'):
        PrincipalComponents(6, 3)(points())
