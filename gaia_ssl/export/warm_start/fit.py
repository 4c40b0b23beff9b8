"""Check that a network fits into the largest subnet of a space; name the presets that it fits."""

from collections.abc import Iterator
from typing import cast

from gaia_ssl.export.pretrained import Network
from gaia_ssl.space import SPACES, Arch, Family, SearchSpace
from gaia_ssl.space.families import Block, ResNetFamily
from gaia_ssl.utils import UserError


def check_fit(network: Network, space: SearchSpace, checkpoint: str) -> None:
    """Check that a network fits into a space's MAX.

    Args:
        network: The network.
        space: The space.
        checkpoint: Path of its file, for the message.

    Raises:
        UserError: If it does not. The line says which layers do not, and which presets would do.
    """
    first, *others = [*misfits(network, space), None]
    if first is None:
        return
    more = f' (and {len(others) - 1} more)' if len(others) > 1 else ''
    fitting = presets_for(network)
    advice = f'take {" or ".join(fitting)}' if fitting else 'define a space that holds it'
    raise UserError(
        f'checkpoint: {checkpoint} does not fit into the largest subnet of {space.name!r}: '
        f'{first}{more}; {advice}'
    )


def presets_for(network: Network) -> list[str]:
    """List the presets that a network fits into, those whose MAX is the network first."""
    fitting = [space for space in SPACES.values() if next(misfits(network, space), None) is None]
    return [s.name for s in sorted(fitting, key=lambda space: arch_in(network, space) != space.max)]


def arch_in(network: Network, space: SearchSpace) -> Arch:
    """A network's arch in the form of a space, whose stem may be tied to the first stage."""
    return {name: network.arch[name] for name in space.choices}


def misfits(network: Network, space: SearchSpace) -> Iterator[str]:
    """Describe the layers of a network that do not fit into a space's MAX, one by one."""
    family, arch, own = network.family, network.arch, space.family
    if type(family) is not type(own):
        yield f'it is a {_kind(family)}, {_kind(own)}s there'
        return
    if family.stages != own.stages:
        yield f'it has {family.stages} stages, {own.stages} there'
        return
    if family.in_channels != own.in_channels:
        yield f'conv1 reads {family.in_channels} channels, {own.in_channels} there'
    if isinstance(family, ResNetFamily) and isinstance(own, ResNetFamily):
        yield from _resnet_misfits(family, arch, own, space.max)
    for name in space.choices:
        for layer, number, largest in _numbers(arch[name], space.max[name]):
            if number > largest:
                yield f'{name} of {layer} is {number}, at most {largest} there'
            elif name == 'expansion' and (number == 1) != (largest == 1):
                yield f'expansion of {layer} is {number}, {largest} there'


def _resnet_misfits(
    family: ResNetFamily, arch: Arch, own: ResNetFamily, largest: Arch
) -> Iterator[str]:
    given, there = (f.stem_step(1).kernel for f in (family, own))
    if given != there:
        yield f'conv1 is {given}x{given}, {there}x{there} there'
    if family.block != own.block:
        yield f'its blocks are {family.block}, {own.block} there'
        return
    if (given := family.out_channels(1)) != (there := own.out_channels(1)):
        yield f'its blocks widen by {given}, by {there} there'
    pairs = (f.group_widths or (0,) * f.stages for f in (family, own))
    for stage, (given, there) in enumerate(zip(*pairs, strict=True), start=1):
        if given != there:
            yield f'conv2 in layer{stage} has {_grouping(given)}, {_grouping(there)} there'
    if own.tied_stem and arch['stem_width'] != arch['width'][0]:
        yield f'its stem is {arch["stem_width"]} wide, as wide as layer1 there'
    blocks = (f.path(a).stages[0][0] for f, a in ((family, arch), (own, largest)))
    first, first_there = (cast(Block, block) for block in blocks)
    if first.projection and not first_there.projection:
        yield 'layer1.0 has a projection, none there'


def _grouping(width: int) -> str:
    return f'groups of {width} channels' if width else 'no groups'


def _kind(family: Family) -> str:
    return type(family).__name__.removesuffix('Family')


def _numbers(given: int | list[int], largest: int | list[int]) -> Iterator[tuple[str, int, int]]:
    """The pairs of a field's numbers, each with the layers that it is of."""
    if isinstance(given, list) and isinstance(largest, list):
        for stage, (number, bound) in enumerate(zip(given, largest, strict=True), start=1):
            yield f'layer{stage}', number, bound
    elif isinstance(given, int) and isinstance(largest, int):
        yield 'conv1', given, largest
