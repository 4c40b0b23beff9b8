"""Draw searches: distance against a cost, as a picture and as a page to explore."""

import argparse
import os
import os.path as osp

from gaia_ssl.space import COSTS
from gaia_ssl.space.search_json import load_results
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.visualization import plot_search, plot_searches, write_html


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'searches', nargs='+', metavar='SEARCH.json', help='results; several are drawn side by side'
    )
    parser.add_argument(
        '--out', metavar='DIR', help='folder to write to; default: that of the first search'
    )
    parser.add_argument(
        '--x', choices=COSTS, default='flops', help='horizontal axis of the picture; default: flops'
    )
    parser.add_argument(
        '--html', action='store_true', help='also a page for each search, with every cost'
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    results = load_results(args.searches)
    out = args.out or osp.dirname(args.searches[0]) or '.'
    os.makedirs(out, exist_ok=True)
    several = len(results) > 1
    picture = osp.join(out, f'{"searches" if several else "search"}_{args.x}.png')
    if several:
        plot_searches(results, picture, args.x)
    else:
        plot_search(*results.values(), picture, args.x)
    written = [picture]
    for name, result in results.items() if args.html else ():
        page = f'search_{name.replace("/", "_")}.html' if several else 'search.html'
        written.append(osp.join(out, page))
        write_html(result, written[-1])
    print('\n'.join(written))


if __name__ == '__main__':
    run_cli(main)
