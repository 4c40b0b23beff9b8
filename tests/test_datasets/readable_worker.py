"""Gloo groups of processes that read images: python THIS OUT CALLS WORLD_SIZE...

``CALLS`` is JSON, a list of ``[sources, max_bad]``; each process writes what came of them to
``OUT/<rank>of<world size>.json``. Imports are done once, then the processes are forked.
"""

import json
import sys
from multiprocessing import get_context

import torch.distributed as dist

from gaia_ssl.datasets.images import ImageSet
from gaia_ssl.datasets.readable import readable_images
from gaia_ssl.utils import UserError


def outcome(sources: list[str], max_bad: float) -> list | str:
    """What comes of a call: names, digests and unreadable images, or the message."""
    try:
        images, digests, bad = readable_images(ImageSet(sources, []), max_bad)
    except UserError as error:
        return str(error)
    return [images.names, digests, bad]


def run(rank: int, world: int, out: str, calls: list) -> None:
    """One process of a group."""
    rendezvous = f'file://{out}/rendezvous{world}'
    dist.init_process_group('gloo', init_method=rendezvous, rank=rank, world_size=world)
    with open(f'{out}/{rank}of{world}.json', 'w') as file:
        json.dump([outcome(*call) for call in calls], file)
    dist.destroy_process_group()


def main(out: str, calls: str, *worlds: str) -> None:
    """Run the groups, with an exit code that is not zero if a process fails."""
    context = get_context('fork')
    for world in map(int, worlds):
        args = (world, out, json.loads(calls))
        group = [context.Process(target=run, args=(rank, *args)) for rank in range(world)]
        for process in group:
            process.start()
        for process in group:
            process.join()
            if process.exitcode:
                sys.exit(1)


if __name__ == '__main__':
    main(*sys.argv[1:])
