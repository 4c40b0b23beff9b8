"""Streams: channels that several layers share, so that they can only be reordered together."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from gaia_ssl.space import Arch, Family
from gaia_ssl.space.families import Block, InvertedBlock, MobileNetFamily, ResNetFamily
from gaia_ssl.utils import UserError


@dataclass
class Stream:
    """The channels of one feature map, or of maps that are added.

    Attributes:
        writers: Convolutions and their norms whose outputs the channels are.
        readers: Convolutions whose inputs the channels are.
        keepers: Depthwise and grouped convolutions and their norms: they read the channels, and
            write each, or each group, at the same place.
        unit: Channels that move together, a group's; 1 without groups.
        stages: Stages that put the channels out; -1 is the stem.
    """

    writers: list[tuple[str, str]] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    keepers: list[tuple[str, str]] = field(default_factory=list)
    unit: int = 1
    stages: list[int] = field(default_factory=list)


def streams_of(family: Family, arch: Arch) -> list[Stream]:
    """List the streams of a network; every convolution writes one.

    Args:
        family: Its family.
        arch: Its arch.

    Raises:
        UserError: If streams are not known for the family.
    """
    for known, streams in STREAMS.items():
        if isinstance(family, known):
            return streams(family, arch)
    raise UserError(f'space: a {type(family).__name__} cannot be started from a network')


def resnet_streams(family: ResNetFamily, arch: Arch) -> list[Stream]:
    """The residual stream of each stage, and the maps inside each block.

    A first block without projection goes on with the stream before it, as in ResNet-18 with the
    stem's.
    """
    residual = Stream([('conv1', 'bn1')], stages=[-1])
    streams = [residual]
    for stage, blocks in enumerate(family.path(arch).stages):
        for block in cast(tuple[Block, ...], blocks):
            convs = [f'{block.name}.conv{i}' for i in range(1, 3 if family.block == 'basic' else 4)]
            norms = [name.replace('.conv', '.bn') for name in convs]
            residual.readers.append(convs[0])
            if block.projection:
                projection = f'{block.name}.downsample'
                residual.readers.append(f'{projection}.0')
                residual = Stream([(f'{projection}.0', f'{projection}.1')])
                streams.append(residual)
            residual.writers.append((convs[-1], norms[-1]))
            inner = list(zip(convs, norms, strict=True))[:-1]
            if block.groups > 1:
                unit = block.width // block.groups
                streams.append(Stream(inner[:1], convs[-1:], inner[1:], unit))
            else:
                streams += [
                    Stream([writer], [reader])
                    for writer, reader in zip(inner, convs[1:], strict=True)
                ]
        residual.stages.append(stage)
    return streams


def mobilenet_streams(family: MobileNetFamily, arch: Arch) -> list[Stream]:
    """The stream of each stage, and the channels of each block's depthwise convolution.

    Without an expansion the depthwise convolution is on the stream of the block's input.
    """
    current = Stream([('conv1.conv', 'conv1.bn')], stages=[-1])
    streams = [current]
    for stage, blocks in enumerate(family.path(arch).stages):
        for block in cast(tuple[InvertedBlock, ...], blocks):
            *expand, depthwise, (project, norm) = _layers(block)
            hidden = current
            if expand:
                current.readers.append(expand[0][0])
                hidden = Stream(expand)
                streams.append(hidden)
            hidden.keepers.append(depthwise)
            hidden.readers.append(project)
            if not block.residual:
                current = Stream()
                streams.append(current)
            current.writers.append((project, norm))
        current.stages.append(stage)
    return streams


def _layers(block: InvertedBlock) -> list[tuple[str, str]]:
    names = (f'{block.name}.conv.{layer}' for layer in range(3 if block.expand else 2))
    return [(f'{name}.conv', f'{name}.bn') for name in names]


STREAMS: dict[type[Family], Callable[..., list[Stream]]] = {
    ResNetFamily: resnet_streams,
    MobileNetFamily: mobilenet_streams,
}
