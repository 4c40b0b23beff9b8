"""List the best subnets of a search."""

import argparse

from gaia_ssl.space import COSTS
from gaia_ssl.space.search_json import costs_of, load_result
from gaia_ssl.utils.cli import naming_options, run_cli
from gaia_ssl.visualization.listing import FORMATS, choose_rows


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('search', metavar='SEARCH.json', help='the result of a search')
    parser.add_argument(
        '--top',
        type=int,
        help='number of subnets, best first; default: 10, with --pareto the whole front',
    )
    for cost in COSTS:
        parser.add_argument(
            f'--{cost}',
            nargs=2,
            metavar=('LOW', 'HIGH'),
            help=f'only those with LOW <= {cost} < HIGH',
        )
    parser.add_argument(
        '--pareto',
        nargs='*',
        choices=COSTS,
        metavar='COST',
        help='only the Pareto front of distance and these costs; default: flops',
    )
    parser.add_argument('--anchors', action='store_true', help='the anchors as well')
    parser.add_argument('--format', choices=FORMATS, default='table')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    result = load_result(args.search)
    # without a cost the front is that of multiply-adds
    front = args.pareto if args.pareto is None else args.pareto or ['flops']
    budgets = {cost: getattr(args, cost) for cost in COSTS if getattr(args, cost)}
    with naming_options(dict(top='--top')):
        rows = choose_rows(result, budgets, front, args.top, args.anchors)
    print(FORMATS[args.format](rows, costs_of(result)))


if __name__ == '__main__':
    run_cli(main)
