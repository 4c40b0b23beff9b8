"""A folder of images as users have them, in two class folders."""

import os
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SIDE = 16
PIXELS = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
ALPHA = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 1), dtype=np.uint8)
GRAY = PIXELS[..., :1]
LOSSY = 'JPEG, CMYK or LAB'

# what a camera that is held so stores for PIXELS
STORED = {
    1: PIXELS,
    2: PIXELS[:, ::-1],
    3: PIXELS[::-1, ::-1],
    4: PIXELS[::-1],
    5: PIXELS.transpose(1, 0, 2),
    6: np.rot90(PIXELS),
    7: PIXELS[::-1, ::-1].transpose(1, 0, 2),
    8: np.rot90(PIXELS, -1),
}


def write_awkward_images(root: Path) -> dict[str, np.ndarray | str]:
    """Write them below ``root``, and what is no image beside them.

    Returns:
        The pixels of each image, RGB, by its name; ``LOSSY`` where the format changes them.
    """
    cat, dog = root / 'cat', root / 'dög 1.2'
    cat.mkdir(parents=True)
    dog.mkdir()
    image = Image.fromarray(PIXELS)
    expected: dict[str, np.ndarray | str] = {}

    def save(name, given=image, pixels=PIXELS, **options):
        given.save(root / name, **options)
        expected[name] = pixels

    for orientation, stored in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        camera = Image.fromarray(np.ascontiguousarray(stored))
        for kind in ('png', 'tiff', 'webp'):
            options = dict(lossless=True) if kind == 'webp' else {}
            save(f'cat/exif {orientation}.{kind}', camera, exif=exif, **options)
        save(f'cat/exif {orientation}.JPG', camera, LOSSY, exif=exif)
    alpha = Image.fromarray(np.concatenate([PIXELS, ALPHA], -1))
    save('dög 1.2/alpha.png', alpha)
    save('dög 1.2/alpha.webp', alpha, lossless=True, exact=True)
    for kind in range(3):  # what TIFF says of the fourth band: nothing, premultiplied, or not
        save(f'dög 1.2/bands {kind}.tif', alpha, tiffinfo={338: kind})
    save('dög 1.2/cmyk.jpeg', image.convert('CMYK'), LOSSY)
    save('dög 1.2/cmyk.tif', image.convert('CMYK'), LOSSY)
    save('dög 1.2/lab.tif', Image.fromarray(PIXELS, 'LAB'), LOSSY)
    save('dög 1.2/gray.png', Image.fromarray(GRAY[..., 0]), GRAY.repeat(3, -1))
    palette = image.quantize(16)
    save('dög 1.2/palette.png', palette, np.array(palette.convert('RGB')), transparency=3)
    frames = dict(save_all=True, append_images=[Image.new('RGB', image.size)])
    save('dög 1.2/animated.webp', lossless=True, **frames)
    save('dög 1.2/animated.png', **frames)
    cv2.imwritemulti(str(dog / 'pages.tif'), [PIXELS[..., ::-1], 0 * PIXELS])
    expected['dög 1.2/pages.tif'] = PIXELS
    deep = PIXELS.astype(np.uint16) * 257
    for kind in ('png', 'tif', 'ppm'):
        cv2.imwrite(str(dog / f'16 bits.{kind}'), deep[..., ::-1])
        expected[f'dög 1.2/16 bits.{kind}'] = PIXELS
    save('dög 1.2/16 bits gray.png', Image.fromarray(deep[..., 0]), GRAY.repeat(3, -1))
    save('dög 1.2/漢字 (1).jpg.png')
    save('dög 1.2/wrong extension.jpg', format='PNG')
    save(os.fsdecode(b'cat/latin \xe4.png'))
    save('cat/labels.bmp')

    (cat / '.hidden').mkdir()
    for name in ('.hidden.png', '._exif 1.png', '.hidden/a.png'):
        image.save(cat / name)
    (cat / 'notes.txt').write_text('no image')
    (cat / 'images').mkdir()
    (cat / 'masks').mkdir()
    save('cat/images/a.png')
    image.save(cat / 'masks/a.png')
    (dog / 'up').symlink_to('..')  # a loop
    (dog / 'again.png').symlink_to('alpha.png')
    (dog / 'of a cat.bmp').symlink_to('../cat/labels.bmp')
    (dog / 'again').symlink_to('../cat/images')
    return expected
