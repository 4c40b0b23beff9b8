import pytest

from gaia_ssl.benchmark.arms import make_arms
from gaia_ssl.utils import UserError


def test_two_arms_of_one_name(subnets, tmp_path):
    with pytest.raises(UserError, match='two are called MIN; rename one'):
        make_arms([subnets[0], subnets[0]], [], tmp_path)
