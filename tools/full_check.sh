#!/usr/bin/env bash
# Everything that is too long for .ci/run, as on a machine that has never seen the project: some hours on two cores.
# Usage: full_check.sh OUT
#   OUT/clone    a fresh clone, OUT/home its HOME: the set-up starts from nothing
#   OUT/first    a quickstart, with pretrained against random weights for three seeds
#   OUT/second   the same quickstart again, which must rank the subnets the same way
#   OUT/wheel    an environment with the package installed from a wheel
# A part whose result is there is skipped. Figures are printed at the end; a missed one fails.
set -euo pipefail
[[ $# == 1 && $1 != -* ]] || { sed -n '2,8s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
[[ -e $out/clone ]] || git clone --quiet "$root" "$out/clone"
mkdir -p "$out/home"
export HOME=$out/home XDG_CACHE_HOME=$out/home/.cache
unset GAIA_SSL_CACHE GAIA_SSL_PYTHON
cd "$out/clone"

part() { # part NAME COMMAND...: run it once, and note its wall time
    local name=$1 begin=$SECONDS
    shift
    [[ ! -e $out/$name.seconds ]] || return 0
    echo "== $name: $*"
    "$@"
    echo $((SECONDS - begin)) >"$out/$name.seconds"
}
part setup bash tools/setup_env.sh
part setup_again bash tools/setup_env.sh
part first bash tools/quickstart.sh --work-dir "$out/first"
part ci bash .ci/run
part second bash tools/quickstart.sh --work-dir "$out/second"
PY=$(bash tools/setup_env.sh)
part seeds "$PY" tools/studies/pretrained_vs_random.py "$out/first"
part kill_resume "$PY" tools/studies/kill_resume.py --json "$out/kill_resume.json"
rm -rf "$out/wheel" # of a part that was stopped
part wheel bash tools/studies/wheel_check.sh "$out/wheel"
# the other family: its own environment, the same tests
part onedl env GAIA_SSL_FAMILY=onedl bash tools/run_tests.sh -n 2

"$PY" - "$out" <<'PYTHON'
import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
for path in sorted(out.glob('*.seconds')):
    print(f'{path.stem:12} {int(path.read_text()):5d} s')
first, second = (json.loads((out / run / 'report.json').read_text()) for run in ('first', 'second'))


def ranking(run, task):
    found = json.loads((out / run / f'search_{task}' / 'search.json').read_text())
    return [subnet['arch'] for subnet in found['subnets']]


probe, raw = (first['classification'][arm]['top1'] for arm in ('pretrained', 'raw_pixels'))
box = first['detection']['pretrained']['bbox_mAP_50']
iou = first['segmentation']['pretrained']['mIoU']
checks = {
    f'quickstart in 15 minutes: {first["seconds"]["total"]:.0f} s': first['seconds']['total'] <= 900,
    f'top-1 {probe:.3f} >= raw pixels {raw:.3f} + 0.03': probe >= raw + 0.03,
    f'box mAP50 {box:.3f} >= 0.40': box >= 0.40,
    f'mIoU {iou:.3f} >= 0.30': iou >= 0.30,
}
for task in ('global', 'dense'):
    checks[f'the second run ranks the same, {task}'] = ranking('first', task) == ranking('second', task)
figures = json.loads((out / 'first' / 'pretrained_vs_random.json').read_text())['figures']
for task, figure in dict(detection='bbox_mAP', segmentation='mIoU', classification='top1').items():
    mean = figures[task][figure]['mean']
    text = f'{figure}: pretrained {mean["pretrained"]:.3f} > random {mean["random"]:.3f}, means of 3 seeds'
    checks[text] = mean['pretrained'] > mean['random']
cells = json.loads((out / 'kill_resume.json').read_text())['cells']
kills, saving = (sum(c[key] for c in cells) for key in ('kills', 'kills_in_checkpoint'))
text = f'killed {kills} times, {saving} of them while saving: ends as if left alone'
checks[text] = kills >= 20 and saving >= 5 and not any(c['differ'] for c in cells)
for text, held in checks.items():
    print('ok  ' if held else 'MISS', text)
sys.exit(not all(checks.values()))
PYTHON
