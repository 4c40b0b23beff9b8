import runpy
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def requirements(name):
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line for line in (line.split('#')[0].strip() for line in lines) if line]


def data_files(package):
    """Every file of the package that is not Python, and its .mim folder (the configs and tools)."""
    folder = ROOT / package
    inside = [p for p in folder.rglob('*') if p.suffix not in ('.py', '.pyc')]
    # rglob does not follow links to folders, and .mim holds two.
    linked = [p for link in (folder / '.mim').glob('*') for p in link.glob('**/*')]
    return sorted({str(p.relative_to(folder)) for p in inside + linked if p.is_file()})


extras = {name: requirements(name) for name in ('mminstall', 'tests', 'docs', 'optional')}
extras['all'] = extras['tests'] + extras['docs'] + extras['optional']

readme = ROOT / 'README.md'

setup(
    name='gaia_ssl',
    version=runpy.run_path(str(ROOT / 'gaia_ssl' / 'version.py'))['__version__'],
    description='Self-supervised supernets, searched without labels, for OpenMMLab',
    long_description=readme.read_text() if readme.exists() else '',
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.10',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['gaia_ssl', 'gaia_ssl.*']),
    package_data={'gaia_ssl': data_files('gaia_ssl')},
    python_requires='>=3.10',
    install_requires=requirements('runtime'),
    extras_require=extras,
    zip_safe=False,
)
