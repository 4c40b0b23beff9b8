"""tools/setup_env.sh, run for real on stand-ins for the packages, of which mmcv has to be built."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUBS = {
    'torch': {
        'torch/__init__.py': "from . import version\n__version__ = '2.12.1+cu130'\n",
        'torch/version.py': "cuda = '13.0'\n",
    },
    'torchvision': {'torchvision.py': ''},
    'opencv-python': {'cv2.py': ''},
    'mmengine': {'mmengine.py': ''},
    'mmdet': {'mmdet.py': ''},
    'mmsegmentation': {'mmseg.py': ''},
    'mmpretrain': {'mmpretrain.py': ''},
}
# A build backend that stops for a minute the first time, as a compile that gets interrupted.
BACKEND = """
import os, pathlib, time, zipfile
def prepare_metadata_for_build_wheel(folder, settings=None):
    info = pathlib.Path(folder, 'mmcv-2.1.0.dist-info')
    info.mkdir()
    (info / 'METADATA').write_text('Metadata-Version: 2.1\\nName: mmcv\\nVersion: 2.1.0\\n')
    return info.name
def build_wheel(folder, settings=None, metadata=None):
    assert os.environ['MMCV_WITH_OPS'] == '1'
    stopped = pathlib.Path('build/one.o')
    if not stopped.exists():
        stopped.parent.mkdir()
        stopped.touch()
        time.sleep(60)
    name, info = 'mmcv-2.1.0-py3-none-any.whl', 'mmcv-2.1.0.dist-info'
    with zipfile.ZipFile(pathlib.Path(folder, name), 'w') as z:
        for file in ('mmcv/__init__.py', 'mmcv/ops.py', 'mmcv/_ext.stub.so', f'{info}/RECORD'):
            z.writestr(file, '')
        z.writestr(f'{info}/METADATA', 'Metadata-Version: 2.1\\nName: mmcv\\nVersion: 2.1.0\\n')
        z.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\\nTag: py3-none-any\\n')
    return name
"""


def specs():
    for file in ('mminstall', 'runtime', 'tests', 'docs'):
        for line in (ROOT / f'requirements/{file}.txt').read_text().splitlines():
            line = line.split('#')[0].strip()
            if line:
                name, version = re.match(r'([\w-]+)(?:[>=]=([\d.]+))?', line).groups()
                yield name, version or '1.0'


def write_wheel(folder, name, version, files):
    stem = f'{name.replace("-", "_")}-{version}'
    with zipfile.ZipFile(folder / f'{stem}-py3-none-any.whl', 'w') as z:
        for path, text in files.items():
            z.writestr(path, text)
        info = f'{stem}.dist-info'
        z.writestr(f'{info}/METADATA', f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n')
        z.writestr(
            f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n'
        )
        z.writestr(f'{info}/RECORD', '')


def program(folder, name, body):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f'#!/bin/bash\n{body}\n')
    path.chmod(0o755)
    return path


@pytest.fixture(scope='module')
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp('packages')
    for name, version in set(specs()):
        if name == 'mmcv':
            source = folder / 'source' / 'mmcv-2.1.0'
            source.mkdir(parents=True)
            (source / 'backend.py').write_text(BACKEND)
            (source / 'PKG-INFO').write_text('Metadata-Version: 2.1\nName: mmcv\nVersion: 2.1.0\n')
            (source / 'pyproject.toml').write_text(
                "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
            )
            with tarfile.open(folder / 'mmcv-2.1.0.tar.gz', 'w:gz') as tar:
                tar.add(source, 'mmcv-2.1.0')
        else:
            write_wheel(folder, name, version, STUBS.get(name, {}))
    return folder


@pytest.fixture
def world(tmp_path, packages):
    """The environment variables of a machine with nothing set up, a compiler and 50 GB of disk."""
    programs = tmp_path / 'bin'
    program(programs, 'df', 'echo; echo disk 0 0 $((50 * 1024 * 1024)) 0% /')
    program(programs, 'c++', 'cat >/dev/null')
    keep = ('LANG', 'LD_LIBRARY_PATH', 'PYENV_ROOT')
    return {
        **{name: os.environ[name] for name in keep if name in os.environ},
        'HOME': str(tmp_path / 'home'),
        'PATH': f'{programs}:{os.environ["PATH"]}',
        'GAIA_SSL_BASE_PYTHON': sys.executable,
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_NO_INDEX': '1',
        'PIP_FIND_LINKS': str(packages),
    }


def start(env, root=ROOT):
    return subprocess.Popen(
        ['bash', root / 'tools/setup_env.sh'],
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def set_up(env, root=ROOT):
    process = start(env, root)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def refused(env, *words):
    code, out, err = set_up(env)
    assert code == 1 and out == ''
    last = err.splitlines()[-1]
    assert last.startswith('setup_env: ')
    for word in words:
        assert word in last
    return err


def wait_for(found, seconds=120):
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.slow
def test_interrupted_repeated_shared(world, tmp_path):
    cache = Path(world['HOME'], '.cache/gaia_ssl')
    made = lambda pattern: list(cache.glob(pattern))  # noqa: E731

    # Stopped while torch is being installed, then while mmcv compiles.
    for moment in ('envs/*/bin/pip', 'build/*/build/one.o'):
        process = start(world)
        wait_for(lambda moment=moment: made(moment))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130 and out == '' and 'interrupted' in err
        assert not made('*/*/.complete') and not made('wheels/*/*.whl')

    # Two at once: one builds, from where the compile had stopped, and the other waits.
    both = [start(world), start(world)]
    results = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    (out, err), (other, _) = results
    assert out == other and out.count('\n') == 1
    assert sum('waiting for it' in err for _, err in results) == 1
    assert sum('torch is installed already' in err for _, err in results) == 1
    assert made('wheels/*-torch2.12.1+cu130-cpu/mmcv-2.1.0-*.whl')
    assert not made('build/*') and not made('tmp/*')

    python = out.strip()
    where = [python, '-c', 'import gaia_ssl, torch; print(gaia_ssl.__file__)']
    seen = subprocess.check_output(where, text=True, cwd='/', env=world)
    assert seen.strip() == str(ROOT / 'gaia_ssl/__init__.py')

    # Again: at once, silent, asking nothing of the registry or the compiler.
    begin = time.monotonic()
    bare = world | {'PIP_FIND_LINKS': '/nonexistent', 'CXX': 'false'}
    assert set_up(bare) == (0, out, '')
    assert time.monotonic() - begin < 5

    # Another checkout with the same needs: the same packages, its own gaia_ssl.
    copy = tmp_path / 'a copy'
    for part in ('requirements', 'tools', 'gaia_ssl'):
        (copy / part).mkdir(parents=True)
    for part in ('tools/setup_env.sh', 'gaia_ssl/version.py'):
        shutil.copy(ROOT / part, copy / part)
    shutil.copytree(ROOT / 'requirements', copy / 'requirements', dirs_exist_ok=True)
    (copy / 'gaia_ssl/__init__.py').touch()
    code, second, err = set_up(bare, copy)
    assert code == 0 and second != out and '[2/5]' not in err
    seen = subprocess.check_output([second.strip(), *where[1:]], text=True, cwd='/', env=world)
    assert seen.strip() == str(copy / 'gaia_ssl/__init__.py')
    assert len(made('envs/*')) == 1

    # Other needs: another environment, the same wheel; a package that is not to be had is named.
    with open(copy / 'requirements/tests.txt', 'a') as f:
        f.write('nowhere-to-be-found==9.9\n')
    code, out, err = set_up(bare | {'PIP_FIND_LINKS': world['PIP_FIND_LINKS']}, copy)
    assert code == 1 and out == ''
    assert 'nowhere-to-be-found==9.9' in err
    assert Path(err.split('the whole log: ')[-1].strip()).exists()
    assert len(made('envs/*/.complete')) == 1


def test_no_python(world, tmp_path):
    programs = tmp_path / 'programs'
    programs.mkdir()
    for folder in ('/bin', '/usr/bin'):
        for path in Path(folder).iterdir():
            if not path.name.startswith('python') and not (programs / path.name).exists():
                (programs / path.name).symlink_to(path)
    del world['GAIA_SSL_BASE_PYTHON']
    refused(world | {'PATH': str(programs)}, 'no Python 3.10-3.12', 'apt-get install')


def test_python_of_another_version(world, tmp_path):
    old = program(tmp_path / 'bin', 'old', 'exit 1')
    refused(world | {'GAIA_SSL_BASE_PYTHON': str(old)}, 'no Python 3.10-3.12', str(old))


def test_python_without_headers(world, tmp_path):
    body = 'printf "%s\\n" /py 3.11.2 cpython-311-x86_64-linux-gnu "ensurepip and Python.h"'
    partial = program(tmp_path / 'bin', 'partial', body)
    refused(
        world | {'GAIA_SSL_BASE_PYTHON': str(partial)},
        '/py has no ensurepip and Python.h',
        'python3-venv python3-dev',
    )


def test_no_compiler(world):
    refused(
        world | {'CXX': 'no-such-compiler -O2'}, 'no working C++ compiler', 'apt-get install g++'
    )


def test_small_disk(world, tmp_path):
    program(tmp_path / 'bin', 'df', 'echo; echo disk 0 0 $((2 * 1024 * 1024)) 0% /')
    refused(world, '10 GB of disk are needed', 'has 2 GB', 'GAIA_SSL_CACHE')


def test_unwritable_cache(world, tmp_path):
    (tmp_path / 'file').touch()
    refused(
        world | {'GAIA_SSL_CACHE': str(tmp_path / 'file/cache')},
        'cannot write to',
        'GAIA_SSL_CACHE',
    )


def test_unknown_family(world):
    refused(world | {'GAIA_SSL_FAMILY': 'mmlab'}, 'mmlab', 'openmmlab or onedl')


@pytest.mark.slow
def test_own_interpreter(world, tmp_path):
    assert set_up(world | {'GAIA_SSL_PYTHON': sys.executable}) == (0, f'{sys.executable}\n', '')
    assert not Path(world['HOME'], '.cache/gaia_ssl').exists()

    refused(world | {'GAIA_SSL_PYTHON': '/no/python'}, '/no/python does not run')

    subprocess.check_call([sys.executable, '-m', 'venv', '--without-pip', tmp_path / 'empty'])
    empty = str(tmp_path / 'empty/bin/python')
    refused(world | {'GAIA_SSL_PYTHON': empty}, empty, 'torch (', 'mmcv.ops (', 'mmpretrain (')


def test_run_tests_hands_arguments_to_pytest(tmp_path):
    python = program(
        tmp_path,
        'python',
        f'[[ $1 == -m ]] && echo "$PWD|$PYTHONPATH|$*" || echo {tmp_path}/python',
    )
    out = subprocess.check_output(
        ['bash', ROOT / 'tools/run_tests.sh', '-k', 'a and b', '-m', 'slow'],
        env=os.environ | {'GAIA_SSL_PYTHON': str(python), 'PYTHONPATH': '/elsewhere'},
        text=True,
        cwd='/',
    )
    assert (
        out == f'{ROOT}|{ROOT}:/elsewhere|-m pytest -n auto --dist worksteal -k a and b -m slow\n'
    )


def test_pinned_once():
    """The linters of a commit hook and of CI agree, and gaia_ssl itself asks for no family."""
    pins = dict(specs())
    hooks = (ROOT / '.pre-commit-config.yaml').read_text()
    assert set(re.findall(r'ruff==([\d.]+)', hooks)) == {pins['ruff']}
    runtime = (ROOT / 'requirements/runtime.txt').read_text()
    asked = [line for line in runtime.splitlines() if line and not line.startswith('#')]
    assert not [line for line in asked if re.search(r'mm|torch|[=<>]', line)]
