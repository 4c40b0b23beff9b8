#!/usr/bin/env bash
# What an installed package can do, away from the checkout: wheel_check.sh OUT, a folder that is not there yet.
# Builds a wheel from a clone and installs it, with OpenMIM, into an environment of its own that sees the set-up's
# packages and no checkout. There, on small images and by `mim` wherever it can: pretrains a supernet for a few
# iterations, searches it, extracts the best subnet, and trains a detector from the extracted folder, on 20 photographs.
set -euo pipefail
[[ $# == 1 && $1 != -* && ! -e $1 ]] || { sed -n '2,5s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd -P)
source "$(dirname "${BASH_SOURCE[0]}")/../_env.sh"
unset PYTHONPATH
export OMP_NUM_THREADS=1
begin() { echo "== $* (after $SECONDS s)"; }

begin wheel
git clone --quiet "$ROOT" "$out/source"
"$PY" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$out" "$out/source"
rm -rf "$out/source"

begin environment
"$("$PY" -c 'import sys; print(sys._base_executable)')" -m venv "$out/env"
export PATH="$out/env/bin:$PATH"
packages=$("$PY" -c 'import os, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))')
site=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$packages')" >"$site/packages.pth"
pip=(python -m pip --disable-pip-version-check --quiet install)
"${pip[@]}" "$out"/gaia_ssl-*.whl
# without opendatalab, which it only calls to download data and which brings setuptools 60
"${pip[@]}" click colorama model-index 'pandas<3' requests rich tabulate
"${pip[@]}" --no-deps openmim==0.3.9

cd "$out"
package=$(python -c 'import os, gaia_ssl; print(os.path.dirname(gaia_ssl.__file__))')
[[ $package == "$site/gaia_ssl" ]] || { echo "gaia_ssl comes from $package" >&2; exit 1; }
export GAIA_SSL_DATA=$out/data
config=mocov2_tiny10to22_bs128-coslr_scenes.py

begin data
python "$package/.mim/tools/dataset_converters/fashion_scenes.py" --out data --train-scenes 16 --val-scenes 8 --per-class 8
python "$package/.mim/tools/dataset_converters/coco20.py" --out coco20

begin pretrain
mim train gaia_ssl "$config" --gpus 0 --work-dir supernet \
    --cfg-options train_cfg.max_epochs=1 train_dataloader.batch_size=32
begin search
mim run gaia_ssl search "$package/.mim/configs/mocov2/$config" supernet/epoch_1.pth \
    --images coco20/coco/train2017 --task dense --flops 16M 24M --num 4 --input-size 128 --work-dir search
begin extract
mim run gaia_ssl extract "$package/.mim/configs/mocov2/$config" supernet/epoch_1.pth \
    --from search/search.json --calibrate coco20/coco/train2017 --input-size 128 --out subnet
begin finetune
photographs=$out/coco20/coco/
options=() small='(160,128)'
for split in train val test; do
    options+=("${split}_dataloader.dataset.data_root=$photographs")
done
for split in val test; do
    options+=("${split}_evaluator.ann_file=${photographs}annotations/instances_val2017.json")
    options+=("${split}_dataloader.dataset.pipeline.1.scale=$small")
done
mim train mmdet subnet/mmdet_mask-rcnn_fpn_coco.py --gpus 0 --work-dir finetune --cfg-options "${options[@]}" \
    "train_dataloader.dataset.pipeline.2.scales=[$small]" train_dataloader.dataset.indices=4 train_cfg.max_epochs=1
[[ -e finetune/epoch_1.pth ]]
begin passed
