"""The choice of scoring and teacher; for scores see ``test_search.py`` and ``test_blocks.py``."""

from types import SimpleNamespace

import numpy as np
import pytest

from gaia_ssl.models.teachers import FrozenEncoder
from gaia_ssl.search import Search, SearchSettings
from gaia_ssl.search.blocks import BlockScoring
from gaia_ssl.search.scoring import GroupScoring, teacher_of
from gaia_ssl.utils import UserError


@pytest.mark.parametrize(
    'distance, kind', [('cosine', GroupScoring), (dict(cosine=1, rank=1), BlockScoring)]
)
def test_a_score_of_the_whole_set_takes_blocks(supernet, photos, distance, kind):
    settings = SearchSettings(task='global', distance=distance, input_size=40, bn_group=5)
    scoring = Search(supernet, photos, settings, paths=dict(checkpoint='a.pth')).scoring
    assert type(scoring) is kind
    scoring.check_finite(np.ones(2))
    with pytest.raises(UserError, match='checkpoint: a.pth gives features that are not finite'):
        scoring.check_finite(np.array([1, np.nan]))


def test_only_of_a_frozen_teacher_is_there_a_choice():
    frozen = FrozenEncoder.__new__(FrozenEncoder)
    for teacher, largest in (('momentum', 'momentum'), (frozen, 'student')):
        model = SimpleNamespace(student='student', teacher=teacher)
        for task, choice, found in (
            ('global', 'max', largest),
            ('global', None, largest),
            ('global', 'training', teacher),
            ('dense', 'max', largest),
            ('dense', None, teacher),
        ):
            assert teacher_of(model, SearchSettings(task=task, teacher=choice)) == found
