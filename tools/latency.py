"""Measure how long the steps of a space take on this machine, to search within a latency."""

import argparse

from gaia_ssl.models.supernet import build_supernet_backbone
from gaia_ssl.search.latency import LatencySettings, default_path, measure, measured_before
from gaia_ssl.search.settings import DTYPES
from gaia_ssl.space import LatencyTable, SearchSpace, get_space
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config, run_cli

SHORT = dict(fp32='float32', bf16='bfloat16', fp16='float16')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('space', help='name of a space, or training config of a supernet')
    parser.add_argument(
        '--out', help='the table; default: a file in work_dirs/latency named after what is timed'
    )
    parser.add_argument('--device', default='cpu', help='cpu, cuda or cuda:N')
    parser.add_argument(
        '--threads', type=int, help="threads that compute one operation; default: torch's number"
    )
    parser.add_argument('--batch-size', type=int, default=1, help='images that run at once')
    parser.add_argument(
        '--dtype',
        choices=DTYPES,
        type=lambda word: SHORT.get(word, word),
        default='float32',
        help=f'type of weights and images; {", ".join(SHORT)} for short',
    )
    parser.add_argument(
        '--input-size',
        type=int,
        nargs='+',
        default=[224],
        metavar='PIXELS',
        help='side of the images in pixels, or height and width',
    )
    parser.add_argument(
        '--channels-last', action='store_true', help='weights and images in that memory format'
    )
    parser.add_argument(
        '--rounds', type=int, default=10, help='more are more exact where the machine is busy'
    )
    parser.add_argument(
        '--validate',
        type=int,
        default=10,
        metavar='N',
        help='subnets that are timed as a whole, to see how good the sums over steps are',
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of the draw of subnets')
    return parser.parse_args()


def space_of(name: str) -> SearchSpace:
    """The space of that name, or the supernet's of that config, with its options.

    Raises:
        UserError: If there is no such space or config, or the config has no supernet.
    """
    if not name.endswith('.py'):
        return get_space(name)
    return build_supernet_backbone(load_config(name)).space


def main() -> None:
    args = parse_args()
    if len(args.input_size) > 2:
        raise UserError(f'--input-size: {args.input_size} is not a side, or height and width')
    height, width = (args.input_size * 2)[:2]
    space = space_of(args.space)
    settings = LatencySettings(
        device=args.device,
        threads=args.threads,
        batch_size=args.batch_size,
        dtype=args.dtype,
        input_size=(height, width),
        channels_last=args.channels_last,
        rounds=args.rounds,
        validate=args.validate,
        seed=args.seed,
    )
    path = args.out or default_path(space, settings.conditions())
    table = measured_before(space, settings, path)
    if table is not None:
        print(f'{path} is there; remove it to measure again')
        print(summary(table))
    else:
        table = measure(space, settings)
        print(summary(table), flush=True)  # before what can fail
        table.save(path)
    print(f'table in {path}')


def summary(table: LatencyTable) -> str:
    """A summary of a table: its size, the latency of the anchors, and its validation."""
    lines = [f'{table.space.name} on {table.conditions}', f'{len(table.seconds)} different steps']
    lines += [
        f'{name:>8}  {table.latency(arch) * 1e3:10.3f} ms  {arch}'
        for name, arch in table.space.anchors.items()
    ]
    if validation := table.validation:
        lines.append(f'{"sum":>11}  {"whole":>10}  {"error":>7}')
        columns = (validation.predicted, validation.measured, validation.errors, validation.archs)
        lines += [
            f'{predicted * 1e3:8.3f} ms  {measured * 1e3:7.3f} ms  {error:+7.1%}  {arch}'
            for predicted, measured, error, arch in zip(*columns, strict=True)
        ]
        lines.append(
            f'median error {validation.median_error:.1%}, rank correlation '
            f'{validation.rank_correlation:.3f} over {len(validation.archs)} whole subnets'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    run_cli(main)
