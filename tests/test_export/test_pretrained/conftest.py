"""Checkpoints to read."""

import pytest
import torch


@pytest.fixture
def saved(tmp_path):
    """Write a checkpoint; return its path."""

    def save(content):
        torch.save(content, tmp_path / 'weights.pth')
        return str(tmp_path / 'weights.pth')

    return save
