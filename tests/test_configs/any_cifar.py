"""mmpretrain's CIFAR datasets, of any content: its own insist on the digests of the originals."""

from mmpretrain.datasets import cifar


def _unchecked(files):
    return [[name, None] for name, _ in files]


class CIFAR10(cifar.CIFAR10):
    train_list = _unchecked(cifar.CIFAR10.train_list)
    test_list = _unchecked(cifar.CIFAR10.test_list)


class CIFAR100(cifar.CIFAR100):
    train_list = _unchecked(cifar.CIFAR100.train_list)
    test_list = _unchecked(cifar.CIFAR100.test_list)
