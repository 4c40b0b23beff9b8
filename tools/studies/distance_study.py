"""Rank correlation of label-free scores with labeled accuracy over the subnets of a supernet.

Usage: python tools/studies/distance_study.py CONFIG CHECKPOINT --data DIR [--json F]

``DIR`` holds ``train`` and ``test``, one folder inside per class, as
tools/dataset_converters/cifar10.py lays them out. Archs are drawn within a narrow interval of
FLOPs, since larger subnets are better anyway. Every registered distance scores them on images of
``train`` without their labels. The truth is the top-1 on ``test`` of a ridge probe, trained on
``train``, on the last stage's features, averaged over positions. Batch norms use the statistics of
groups throughout, as in a search; groups are mixed, not of one class.

Printed is Spearman's correlation with the truth, so signed that 1 is what one hopes for: of minus
the score; of FLOPs and params; and of ``features``, the number that the probe gets, which favours
wide last stages by itself. Its 95% interval is a percentile bootstrap over archs. The truth has an
error too: ``split halves``, the correlation of the truths on two halves of ``test``, says how much
of it is more than chance.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gaia_ssl.datasets.labeled import LabeledImageSet
from gaia_ssl.datasets.search_defaults import SearchDefaults
from gaia_ssl.distances import (
    TASKS,
    Distance,
    LabelScore,
    Score,
    WholeSetScore,
    build_distance,
    distances_of,
    ridge_scores,
)
from gaia_ssl.evaluation.correlation import correlate, spearman
from gaia_ssl.models.backbones import Encoder
from gaia_ssl.models.supernet import load_supernet
from gaia_ssl.search.batchnorm import group_statistics
from gaia_ssl.search.groups import split_groups
from gaia_ssl.space import Arch, SearchSpace, count_cost, parse_quantity
from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import load_config, run_cli
from gaia_ssl.utils.environment import as_line, machine, versions
from gaia_ssl.utils.files import write_json
from gaia_ssl.utils.markdown import table

WIDTH = 0.07  # of the default interval of FLOPs, relative to its centre

Measured = tuple[Score, int]
"""A score and the stage it is measured at."""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='training config of the supernet')
    parser.add_argument('checkpoint', help='checkpoint of that training')
    parser.add_argument('--data', type=Path, required=True, help='folder of train/ and test/')
    parser.add_argument('--num', type=int, default=36, help='archs (default: %(default)s)')
    parser.add_argument(
        '--flops',
        nargs=2,
        metavar=('LOW', 'HIGH'),
        help=f'where they are drawn (default: {WIDTH:.0%}% wide, around the median of the space)',
    )
    parser.add_argument(
        '--images', type=int, default=2048, help='unlabeled images (default: %(default)s)'
    )
    parser.add_argument(
        '--train-images',
        type=int,
        default=20000,
        help='images that the probe learns from, at most (default: %(default)s)',
    )
    parser.add_argument(
        '--bn-group', type=int, default=64, help='see tools/search.py (default: %(default)s)'
    )
    parser.add_argument(
        '--stages',
        type=int,
        nargs='+',
        help='stages of the scores that read maps (default: the last two)',
    )
    parser.add_argument('--seed', type=int, default=0, help='of archs, images and resamples')
    parser.add_argument('--json', type=Path, help='where the figures go')
    return parser.parse_args()


def draw_archs(
    space: SearchSpace, num: int, flops: tuple[float, float] | None, input_size: int, seed: int
) -> list[Arch]:
    """``num`` different archs within an interval of FLOPs, by default around the median.

    Raises:
        UserError: If it has fewer.
    """
    costs = space.costs(input_size).flops
    if flops is None:
        flops = np.median(costs) * (1 - WIDTH / 2), np.median(costs) * (1 + WIDTH / 2)
    inside = np.flatnonzero((flops[0] <= costs) & (costs < flops[1]))
    if len(inside) < num:
        raise UserError(
            f'--flops: {len(inside)} archs are in [{flops[0]:.4g}, {flops[1]:.4g}), fewer than '
            f'--num {num}; widen it'
        )
    chosen = np.random.default_rng(seed).choice(inside, num, replace=False)
    return [space[int(index)] for index in sorted(chosen)]


class Groups:
    """Images of a labeled folder in mixed batch-norm groups, normalised, kept in memory.

    Args:
        images: The folder.
        most: How many of its images to use, at most.
        bn_group: Most images in a group.
        preprocess: Normalises a batch, (N, C, H, W).
        seed: Seed of the draw.
    """

    def __init__(
        self,
        images: LabeledImageSet,
        most: int,
        bn_group: int,
        preprocess: Callable[[Tensor], Tensor],
        seed: int,
    ) -> None:
        order = np.random.default_rng(seed).permutation(len(images))[:most]
        ranges = split_groups(len(order), bn_group)
        self.labels = torch.tensor([images.labels[i] for i in order])
        self.batches = [
            preprocess(torch.stack([images[int(i)] for i in order[group]])) for group in ranges
        ]

    def __len__(self) -> int:
        return len(self.labels)


def maps_of(encoder: Encoder, arch: Arch, batches: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """The maps of every stage for each group: all batch norms use the group's statistics."""
    backbone = encoder[0]
    backbone.out_indices = tuple(range(len(backbone.path(arch).stages)))
    backbone.set_arch(arch)
    for images in batches:
        with group_statistics(encoder, [len(images)]):
            yield backbone(images)


def make_scores(stages: Sequence[int], last: int) -> dict[str, Measured]:
    """Every distance by a name, those that read maps once for each stage."""
    scores, seen = {}, set()
    for task in TASKS:
        for name in distances_of(task):
            distance = build_distance(task, name)
            # registered for both tasks, or by labels
            if type(distance) in seen or isinstance(distance, LabelScore):
                continue
            seen.add(type(distance))
            if distance.reads == 'embedding':
                scores[f'{task} {name}'] = distance, last
                continue
            label = f'{task} {name}' if task == 'dense' else name
            scores.update({f'{label}, stage {stage}': (distance, stage) for stage in stages})
    return scores


def score(
    student: Encoder,
    teacher: Encoder,
    archs: Sequence[Arch],
    scores: dict[str, Measured],
    batches: Sequence[Tensor],
) -> dict[str, np.ndarray]:
    """The mean over images of each score, (archs,)."""

    def features(encoder: Encoder, arch: Arch, images: Tensor) -> dict[str, Tensor]:
        (maps,) = maps_of(encoder, arch, [images])
        with group_statistics(encoder, [len(images)]):
            embedding = encoder[1]((maps[-1],))[0]
        return {
            name: embedding if distance.reads == 'embedding' else maps[stage]
            for name, (distance, stage) in scores.items()
        }

    targets = []
    for images in batches:
        target = features(teacher, teacher[0].space.max, images)
        targets.append({name: scores[name][0].target(feature) for name, feature in target.items()})
    prepared = {
        name: score.prepare(target[name] for target in targets)
        for name, (score, _) in scores.items()
        if isinstance(score, WholeSetScore)
    }
    found = {name: np.zeros(len(archs)) for name in scores}
    for index, arch in enumerate(archs):
        kept: dict[str, list[Tensor]] = {name: [] for name in scores}
        for images, target in zip(batches, targets, strict=True):
            for name, feature in features(student, arch, images).items():
                score = scores[name][0]
                if isinstance(score, WholeSetScore):
                    parts = [*kept[name], score.collect(feature, target[name])]
                    kept[name] = [score.merge(parts)]
                elif isinstance(score, Distance):
                    kept[name].append(score(feature, target[name]).double())
        for name, (score, _) in scores.items():
            if isinstance(score, WholeSetScore):
                found[name][index] = score.score(kept[name][0], prepared[name])
            else:
                found[name][index] = torch.cat(kept[name]).mean().item()
    return found


def probe(student: Encoder, arch: Arch, train: Groups, test: Groups) -> np.ndarray:
    """A mask of the images of ``test`` that a ridge probe on ``train`` gets right, bool (N,)."""
    known, asked = (
        torch.cat([maps[-1].mean((2, 3)) for maps in maps_of(student, arch, groups.batches)])
        for groups in (train, test)
    )
    scores = ridge_scores(known.double().cpu(), train.labels, asked.double().cpu())
    return (scores.argmax(1) == test.labels).numpy()


@torch.inference_mode()
def study(args: argparse.Namespace) -> dict[str, Any]:
    """Every figure."""
    config = load_config(args.config)
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    model = load_supernet(config, args.checkpoint).to(device)
    student, teacher = tuple(model.student), tuple(model.teacher)
    space = student[0].space
    last = len(space.path(space.max).stages) - 1
    stages = [last - 1, last] if args.stages is None else args.stages
    if not all(0 <= stage <= last for stage in stages):
        raise UserError(f'--stages: {stages} are not among 0 to {last}')

    defaults = SearchDefaults.of(config)
    input_size, pipeline = defaults.input_size, defaults.pipeline
    train, test = (LabeledImageSet(str(args.data / part), pipeline) for part in ('train', 'test'))
    if train.classes != test.classes:
        raise UserError(f'--data: train and test of {args.data} have different classes')
    flops = args.flops and tuple(map(parse_quantity, args.flops))
    archs = draw_archs(space, args.num, flops, input_size, args.seed)

    def preprocess(images: Tensor) -> Tensor:
        data = dict(inputs=images.to(device), data_samples=None)
        return model.data_preprocessor(data)['inputs']

    train = Groups(train, args.train_images, args.bn_group, preprocess, args.seed)
    test = Groups(test, len(test), args.bn_group, preprocess, args.seed)
    used = -(-args.images // args.bn_group)  # whole groups
    scores = make_scores(stages, last)
    found = score(student, teacher, archs, scores, train.batches[:used])

    right = np.stack([probe(student, arch, train, test) for arch in archs])
    truth = 100 * right.mean(1)  # (archs, images) -> (archs,)
    halves = [right[:, half::2].mean(1) for half in (0, 1)]
    costs = [count_cost(space, arch, input_size) for arch in archs]
    signed = {name: -values for name, values in found.items()}
    signed |= {k: np.array([getattr(cost, k) for cost in costs]) for k in ('flops', 'params')}
    ends = [space.path(arch).stages[-1][-1] for arch in archs]
    signed['features'] = np.array([step.out_channels for step in ends])
    rows = [
        dict(
            arch=arch,
            flops=costs[i].flops,
            params=costs[i].params,
            truth=truth[i],
            scores={name: values[i] for name, values in found.items()},
        )
        for i, arch in enumerate(archs)
    ]
    return dict(
        config=args.config,
        checkpoint=args.checkpoint,
        data=str(args.data),
        images=sum(map(len, train.batches[:used])),
        train_images=len(train),
        test_images=len(test),
        bn_group=args.bn_group,
        seed=args.seed,
        truth=dict(
            low=truth.min(),
            high=truth.max(),
            std=truth.std(ddof=1),
            split_halves=float(spearman(*halves)),
        ),
        correlations={k: correlate(v, truth, args.seed) for k, v in signed.items()},
        subnets=rows,
        machine=machine(),
        versions=versions(),
    )


def as_markdown(result: dict[str, Any]) -> str:
    """The correlations as a table, best first."""
    rows = [
        [name, f'{c["spearman"]:+.2f}', f'{c["low"]:+.2f} to {c["high"]:+.2f}']
        for name, c in sorted(result['correlations'].items(), key=lambda item: -item[1]['spearman'])
    ]
    truth, flops = result['truth'], [row['flops'] for row in result['subnets']]
    paragraphs = [
        f'{len(flops)} archs of {min(flops) / 1e6:.2f} to {max(flops) / 1e6:.2f} MFLOPs; '
        f'{result["images"]} unlabeled images, groups of {result["bn_group"]}. The truth, of '
        f'{result["train_images"]} train and {result["test_images"]} test images, is '
        f'{truth["low"]:.1f} to {truth["high"]:.1f}% (standard deviation {truth["std"]:.2f}; '
        f'split halves {truth["split_halves"]:+.2f}).',
        table(['', 'Spearman', '95%'], rows),
        as_line(result),
    ]
    return '\n\n'.join(paragraphs)


def main() -> None:
    args = parse_args()
    result = study(args)
    if args.json:
        write_json(args.json, result)
    print(as_markdown(result))


if __name__ == '__main__':
    run_cli(main)
