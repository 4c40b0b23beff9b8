import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[3]


def test_the_command(tmp_path):
    (tmp_path / 'images').mkdir()
    Image.new('RGB', (6, 4)).save(tmp_path / 'images/a.jpg')
    content = dict(
        images=[dict(id=1, file_name='a.jpg', height=4, width=6)],
        categories=[dict(id=3, name='tree')],
        annotations=[dict(id=1, image_id=1, category_id=3, bbox=[1, 1, 2, 2])],
    )
    (tmp_path / 'a.json').write_text(json.dumps(content))
    command = [sys.executable, str(ROOT / 'tools/dataset_converters/coco_to_label_maps.py')]
    command += ['--annotations', 'a.json', '--images', 'images', '--out']
    env = dict(os.environ, PYTHONPATH=str(ROOT))

    def run(out):
        return subprocess.run(
            [*command, out], cwd=tmp_path, env=env, capture_output=True, text=True
        )

    done = run('maps')
    assert done.returncode == 0 and done.stdout == 'label maps of 1 classes are in maps: tree\n'
    assert (tmp_path / 'maps/images/a.jpg').exists()
    assert list(Image.open(tmp_path / 'maps/annotations/a.png').getdata()).count(1) == 4
    done = run('images')
    assert done.returncode == 2
    assert done.stderr == 'error: --out: images exists and is not an empty folder; choose another\n'
