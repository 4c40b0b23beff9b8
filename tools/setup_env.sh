#!/usr/bin/env bash
# Set up what gaia_ssl's commands run in, once; later runs only find it again. Safe to interrupt and to repeat.
# Progress goes to stderr. The one line on stdout is the interpreter's path:
#     PY=$(bash tools/setup_env.sh)
# Settings, all from the environment:
#     GAIA_SSL_CACHE        where everything is kept (default: ~/.cache/gaia_ssl); may be deleted at any time
#     GAIA_SSL_FAMILY       openmmlab (default) or onedl: the packages of requirements/{mminstall,onedl}.txt
#     GAIA_SSL_BASE_PYTHON  the Python 3.10-3.12 to build on (default: the first that is complete)
#     GAIA_SSL_PYTHON       use this interpreter as it is and install nothing
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
die() {
    say "setup_env: $*"
    exit 1
}

# Exits with what cannot be imported, in one line.
check='
import importlib, sys
missing = []
for name in ("torch", "torchvision", "mmcv.ops", "mmengine", "mmdet", "mmseg", "mmpretrain"):
    try:
        importlib.import_module(name)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        missing.append(f"{name} ({reason})")
sys.exit("; ".join(missing) or None)'
missing() { "$1" -W ignore -c "$check" 2>&1 >/dev/null | tail -n 1; }

if [[ -n ${GAIA_SSL_PYTHON:-} ]]; then
    python=$("$GAIA_SSL_PYTHON" -c 'import sys; print(sys.executable)' 2>/dev/null) ||
        die "GAIA_SSL_PYTHON=$GAIA_SSL_PYTHON does not run"
    lacks=$(missing "$python") || die "GAIA_SSL_PYTHON=$GAIA_SSL_PYTHON cannot import $lacks"
    echo "$python"
    exit
fi

unset PYTHONHOME PYTHONPATH PIP_PREFIX PIP_TARGET PIP_USER
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
case ${GAIA_SSL_FAMILY:=openmmlab} in
    openmmlab) file=mminstall ;;
    onedl) file=onedl ;;
    *) die "GAIA_SSL_FAMILY=$GAIA_SSL_FAMILY: it is openmmlab or onedl" ;;
esac
specs() { sed -e 's/[[:space:]]*#.*//' -e '/^$/d' "$root/requirements/"{"$file",runtime,tests,docs}.txt; }
mmcv=$(specs | grep -E '^(onedl-)?mmcv==')
name=${mmcv/==/-} name=${name/onedl-/onedl_}
[[ -n ${GAIA_SSL_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-} ]] || die 'HOME is not set: set it, or GAIA_SSL_CACHE'
cache=${GAIA_SSL_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/gaia_ssl}
{ mkdir -p "$cache" && [[ -w $cache ]]; } 2>/dev/null ||
    die "cannot write to $cache: set GAIA_SSL_CACHE to a folder with 10 GB of room"
cache=$(cd "$cache" && pwd -P)

# The Python to build on: prints its path, version, ABI and what it lacks. Being on the PATH proves little
# (version managers' stand-ins, partial distributions), so each candidate is run.
probe='
import importlib.util, os, sys, sysconfig
if not (3, 10) <= sys.version_info[:2] <= (3, 12): sys.exit(1)
lacks = [m for m in ("venv", "ensurepip") if importlib.util.find_spec(m) is None]
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")): lacks.append("Python.h")
print(sys.executable, "%d.%d.%d" % sys.version_info[:3], sysconfig.get_config_var("SOABI"), " and ".join(lacks), sep="\n")'
found=() candidates=(python3.11 python3 python3.12 python3.10 python)
[[ -z ${GAIA_SSL_BASE_PYTHON:-} ]] || candidates=("$GAIA_SSL_BASE_PYTHON")
for candidate in "${candidates[@]}"; do
    answer=$("$candidate" -c "$probe" 2>/dev/null) || continue
    mapfile -t info <<<"$answer"
    [[ ${#found[@]} -gt 0 && -n ${info[3]:-} ]] || found=("${info[@]}")
    [[ -n ${info[3]:-} ]] || break
done
[[ ${#found[@]} -gt 0 ]] || die "no Python 3.10-3.12 found (tried ${candidates[*]}); on Debian or Ubuntu:" \
    'apt-get install python3 python3-venv python3-dev, or name one with GAIA_SSL_BASE_PYTHON'
base=${found[0]} version=${found[1]} abi=${found[2]} lacks=${found[3]:-}

# mmcv's CUDA ops are compiled where there is a GPU and a toolkit; their version decides which.
cuda=none
if { [[ ${FORCE_CUDA:-} == 1 ]] || nvidia-smi -L >/dev/null 2>&1; } && toolkit=$(nvcc --version 2>/dev/null); then
    cuda=$(sed -n 's/.*release \([0-9.]*\).*/\1/p' <<<"$toolkit")
fi

# Packages live in $env, shared by the checkouts that need the same ones. The interpreter handed out is
# $mine: it sees them and this checkout's gaia_ssl, wherever it is started.
digest() { sha256sum | cut -c 1-12; }
env=$cache/envs/py${version%.*}-$GAIA_SSL_FAMILY-$({ echo "1 $version $abi $cuda" && specs; } | digest)
mine=$cache/checkouts/$(echo "$root $env" | digest)
ready() { [[ -e $env/.complete && -e $mine/.complete ]] && "$mine/bin/python" -c '' 2>/dev/null; }
finish() {
    echo "$mine/bin/python"
    exit
}
ready && finish

mkdir -p "$cache"/{envs,wheels,build,checkouts,logs}
exec 9>"$cache/lock"
log=$cache/logs/${env##*/}.log
if ! flock -n 9; then
    say "another set-up is at work in $cache: waiting for it; its log: $log"
    until flock -w 30 9; do say "      $SECONDS s: still waiting"; done
fi
ready && finish

# Downloads are unpacked beside their destination: /tmp is often small, and on another disk.
export TMPDIR=$cache/tmp
rm -rf "$TMPDIR"
mkdir "$TMPDIR"
child=
stop() {
    if [[ -n $child ]]; then
        { kill -- "-$child" || kill "$child"; } 2>/dev/null || true
        wait "$child" 2>/dev/null || true
        # what it started may take a moment longer, and must not write into the next run's folders
        for _ in {1..50}; do
            kill -0 -- "-$child" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL -- "-$child" 2>/dev/null || true
    fi
    rm -rf "$TMPDIR"
}
trap stop EXIT
trap 'say "interrupted; run it again to go on"; exit 130' INT TERM HUP

steps=0
step() { say "[$((++steps))/5] $*"; }
# run WHAT PROGRESS COMMAND...: its output goes to the log; now and then a line with the time and what PROGRESS prints.
run() {
    local what=$1 progress=$2 begin=$SECONDS said=$SECONDS
    shift 2
    setsid "$@" >>"$log" 2>&1 </dev/null &
    child=$!
    while kill -0 "$child" 2>/dev/null; do
        sleep 0.3
        ((SECONDS - said < 30)) && continue
        said=$SECONDS
        say "      $((SECONDS - begin)) s: $($progress)"
    done
    if ! wait "$child"; then
        child=
        tail -n 20 "$log" >&2
        die "$what failed, see above; the whole log: $log"
    fi
    child=
}
last_line() { tail -n 1 "$log" | cut -c 1-100; }
arrived() { du -cm "$TMPDIR" "$env" 2>/dev/null | awk 'END {print $1 " MB on disk"}'; }

py=$env/bin/python
pip=("$py" -m pip --disable-pip-version-check --no-input)

check_machine() {
    step "checking the machine; log: $log"
    [[ -z $lacks ]] || die "$base has no $lacks; on Debian or Ubuntu: apt-get install python3-venv python3-dev"
    local torch need=10 free
    torch=$(specs | sed -n 's/^torch==//p')
    # shellcheck disable=SC2086  # CXX may hold arguments
    compgen -G "$cache/wheels/$abi-torch$torch*/$name-*.whl" >/dev/null ||
        echo '#include <vector>' | ${CXX:-c++} -std=c++17 -x c++ -fsyntax-only - 2>>"$log" ||
        die "no working C++ compiler (tried ${CXX:-c++}); on Debian or Ubuntu: apt-get install g++"
    [[ ! -e $env/.base ]] || need=3
    free=$(df -Pk "$cache" | awk 'NR == 2 {print int($4 / 1024 / 1024)}')
    ((free >= need)) ||
        die "$need GB of disk are needed and $cache has $free GB: set GAIA_SSL_CACHE to a folder with room"
}

# .base: torch and the build tools are in. It goes before step 4, so that no half-written package is kept.
install_torch() {
    if [[ -e $env/.base ]] && "$py" -c '' 2>/dev/null; then
        step 'torch is installed already'
        return
    fi
    step "installing torch on Python $version ($base): 3 GB to download, 1 to 5 minutes"
    rm -rf "$env"
    run 'creating the environment' last_line "$base" -m venv "$env"
    specs | grep -v mm >"$TMPDIR/base.txt"
    run 'installing torch' arrived "${pip[@]}" install -r "$TMPDIR/base.txt"
    touch "$env/.base"
}

# Compiled against one torch: the folder of the wheel says which. (pip's own cache does not ask.)
build_mmcv() {
    local torch torch_cuda ops=cpu source memory jobs
    read -r torch torch_cuda < <("$py" -c 'import torch; print(torch.__version__, torch.version.cuda)' 2>>"$log") ||
        die "the new environment cannot import torch; the whole log: $log"
    [[ ${cuda%%.*} != "${torch_cuda%%.*}" ]] || ops=cuda$cuda
    wheels=$cache/wheels/$abi-torch$torch-$ops
    if compgen -G "$wheels/$name-*.whl" >/dev/null; then
        step "$name with $ops ops is built already"
        return
    fi
    memory=$(awk '/MemAvailable/ {print int($2 / 1024 / 1024)}' /proc/meminfo)
    jobs=$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc) # which would obey them
    ((jobs <= memory / 2)) || jobs=$((memory < 4 ? 1 : memory / 2))
    step "compiling $name with $ops ops, $jobs files at a time: about 15 minutes of one core, once"
    if [[ $ops == cpu ]]; then
        export CUDA_VISIBLE_DEVICES='' FORCE_CUDA=0
        [[ $cuda == none ]] || say "      no CUDA ops: the toolkit is $cuda, torch's is $torch_cuda"
    fi
    source=$cache/build/$name-${wheels##*/}
    if [[ ! -d $source ]]; then
        run "downloading $name" last_line \
            "${pip[@]}" download --no-deps --no-build-isolation --no-binary :all: -d "$TMPDIR/sdist" "$mmcv"
        mkdir "$TMPDIR/source"
        tar -xzf "$TMPDIR"/sdist/*.tar.gz -C "$TMPDIR/source"
        mv "$TMPDIR"/source/* "$source"
    fi
    # The source folder stays until the wheel is there: a compile that was stopped resumes.
    objects() {
        local plan
        plan=$(find "$source/build" -name build.ninja 2>/dev/null) && [[ -n $plan ]] || return
        echo "$(find "$source/build" -name '*.o' | wc -l) of $(grep -c '^build .*\.o:' "$plan") files compiled"
    }
    run "compiling $name" objects env MMCV_WITH_OPS=1 MAX_JOBS="$jobs" \
        "${pip[@]}" wheel -v --no-deps --no-build-isolation -w "$TMPDIR/wheel" "$source"
    [[ $("$py" -m zipfile -l "$TMPDIR"/wheel/*.whl) == *mmcv/_ext.*.so* ]] ||
        die "$name was built without its ops; the whole log: $log"
    mkdir -p "$wheels"
    mv "$TMPDIR"/wheel/*.whl "$wheels/"
    rm -rf "$source"
}

# MMEngine finds the configs of mmseg under the name that OpenMMLab installs it by: onedl's gets that name beside its own.
name_mmseg() {
    local release folder
    release=$(specs | sed -n 's/^onedl-mmsegmentation==//p')
    [[ -n $release ]] || return 0
    folder=$("$py" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/mmsegmentation-$release.dist-info
    mkdir -p "$folder"
    printf 'Metadata-Version: 2.1\nName: mmsegmentation\nVersion: %s\n' "$release" >"$folder/METADATA"
    echo mmseg >"$folder/top_level.txt"
}

install_packages() {
    step 'installing the other packages: half a minute'
    rm -f "$env/.base"
    specs | grep -v mmcv >"$TMPDIR/all.txt"
    run 'installing the packages' arrived "${pip[@]}" install -r "$TMPDIR/all.txt" "$wheels/$name"-*.whl
    name_mmseg
    if ! "$py" -c 'import cv2' 2>>"$log"; then
        say '      this machine has no libGL: OpenCV without windows'
        run 'installing OpenCV' last_line "${pip[@]}" install --no-deps --force-reinstall \
            "$(specs | sed -n 's/^opencv-python==/opencv-python-headless==/p')"
    fi
    lacks=$(missing "$py") || die "the new environment cannot import $lacks; the whole log: $log"
    touch "$env/.complete"
}

if ! { [[ -e $env/.complete ]] && "$py" -c '' 2>/dev/null; }; then
    : >"$log"
    check_machine
    install_torch
    build_mmcv
    install_packages
fi

steps=4
step 'linking this checkout'
rm -rf "$mine"
"$py" -m venv --without-pip "$mine"
"$mine/bin/python" - "$root" "$env" "$mine" <<'PYTHON'
import sys
import sysconfig
from pathlib import Path

root, env, mine = map(Path, sys.argv[1:])
site = Path(sysconfig.get_path('purelib'))
packages = env / site.relative_to(mine)
(site / 'gaia_ssl.pth').write_text(f'{root}\nimport site; site.addsitedir({str(packages)!r})\n')
for program in (env / 'bin').iterdir():
    ours = mine / 'bin' / program.name
    if ours.exists() or ours.is_symlink() or program.name.startswith(('python', 'activate', 'Activate')):
        continue
    body = program.read_bytes()
    if body.startswith(b'#!'):
        ours.write_bytes(body.replace(bytes(env / 'bin'), bytes(mine / 'bin'), 1))
        ours.chmod(0o755)
    else:
        ours.symlink_to(program)
PYTHON
touch "$mine/.complete"
say "ready after $SECONDS s: $mine/bin/python"
finish
