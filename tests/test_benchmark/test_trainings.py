import os

import pytest

from gaia_ssl.benchmark.stages import StageError
from gaia_ssl.benchmark.trainings import Training, trainings_of


def test_the_latest_checkpoint_of_each_seed(tmp_path):
    for seed in (0, 10):
        run = tmp_path / f'seed{seed}'
        run.mkdir()
        for age, name in enumerate(('epoch_9.pth', 'epoch_10.pth', 'config.py', 'supernet.pth')):
            (run / name).touch()
            os.utime(run / name, (age, age))
    (tmp_path / 'seeds.txt').touch()
    found = trainings_of([f'one={tmp_path}', f'two={tmp_path}'])
    assert [*found] == [('one', 0), ('one', 10), ('two', 0), ('two', 10)]
    assert found['two', 10] == (run / 'config.py', run / 'epoch_10.pth')


def test_a_folder_without_trainings_is_named(tmp_path):
    for word in (f'net={tmp_path}', 'net'):
        with pytest.raises(StageError, match='--supernets: net.* is not NAME=DIR with trainings'):
            trainings_of([word])
    for name in ('seed0', 'seed0/config.py'):
        (tmp_path / name).mkdir()
        with pytest.raises(StageError, match='--supernets: .*seed0 holds no training'):
            trainings_of([f'net={tmp_path}'])
        with pytest.raises(StageError, match='holds no training'):
            Training.of(tmp_path / 'seed0')
