#!/usr/bin/env bash
# What only a GPU can show, in minutes. Usage: gpu_check.sh [WORK_DIR]
# nccl and synchronised norms on one GPU and on two; fp16 and bf16 training of ar50to101 at 224 px by tools/train.py,
# from ImageNet configs on images of noise, with synchronised norms, channels last, distillation, other samplers and
# methods; and the table of tools/studies/train_step.py. Prints one table; exits with 1 if a part fails. A bar that
# train_step misses is in its own table and fails nothing.
# It runs in GAIA_SSL_PYTHON, or python, which needs torch, mmengine, mmpretrain and mmcv or mmcv-lite: nothing is set up.
#     BATCH    images of a GPU's iteration (default: 32); divides the queue of 65536
set -uo pipefail
[[ $# -le 1 && ${1:-} != -* ]] || { sed -n '2,8s/^# //p' "$0" >&2; exit 2; }
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
python=${GAIA_SSL_PYTHON:-python}
batch=${BATCH:-32}
export PYTHONPATH="$root${PYTHONPATH:+:$PYTHONPATH}"

gpus=$("$python" -c 'import torch; print(torch.cuda.device_count())') || {
    echo "gpu_check: $python cannot import torch; set GAIA_SSL_PYTHON" >&2
    exit 1
}
if ((gpus == 0)); then
    echo "gpu_check: $python sees no GPU; run it where nvidia-smi lists one and torch is a CUDA build" >&2
    exit 1
fi

out=${1:-work_dirs/gpu_check}
mkdir -p "$out" || exit 1
out=$(cd "$out" && pwd -P)
parts="$root/tools/studies/gpu_parts.py"
mocov2=mocov2/mocov2_ar50to101_8xb32-coslr-200e_in1k
densecl=densecl/densecl_ar50to101_8xb32-coslr-200e_in1k
swav=swav/swav_ar50to101_8xb32-mcrop-coslr-200e_in1k-224px-96px
amp=optim_wrapper.type=AmpOptimWrapper
rows=() failed=0

part() { # part NAME COMMAND...: run it, log it, note how it ended and what it said
    local name=$1 log="$out/${1// /_}.log" begin=$SECONDS result=ok said
    shift
    echo "== $name" >&2
    if "$@" >"$log" 2>&1; then
        said=$(tail -n 1 "$log")
    else
        result=FAILED failed=1
        said=$(grep -iE '(error|exception):' "$log" | tail -n 1)
    fi
    rows+=("$(printf '%-28s %-7s %4d s  %.120s' "$name" "$result" $((SECONDS - begin)) "$said")")
}
processes() { # processes NUMBER SCRIPT...: NUMBER processes of a script, each with a GPU
    "$python" -m torch.distributed.run --standalone --nproc_per_node="$1" "${@:2}"
}
training() { # training NUMBER CONFIG OPTIONS...: a few iterations of a real config, then its losses
    local work_dir
    work_dir=$(mktemp -d "$out/training.XXXX") || return
    processes "$1" "$root/tools/train.py" "$root/configs/$2.py" --launcher pytorch --work-dir "$work_dir" --cfg-options \
        train_dataloader.dataset.data_root="$out/noise" train_dataloader.batch_size="$batch" \
        train_dataloader.num_workers=4 train_cfg.max_epochs=1 default_hooks.logger.interval=1 \
        default_hooks.checkpoint.interval=1000 default_hooks.checkpoint.save_last=False \
        default_hooks.health.interval=4 "${@:3}" &&
        "$python" "$parts" losses "$work_dir"
}

part 'images of noise' "$python" "$parts" images "$out/noise/train" $((batch * 8))
for n in 1 2; do
    ((n <= gpus)) || { rows+=("$(printf '%-28s skipped: there is one GPU' "$n GPUs")"); break; }
    part "nccl and norms, GPUs: $n" processes $n "$parts" norms
    part "fp32, GPUs: $n" training $n $mocov2
    part "fp16, GPUs: $n" training $n $mocov2 $amp
    part "bf16, GPUs: $n" training $n $mocov2 $amp optim_wrapper.dtype=bfloat16
    part "fp16 SyncBN, GPUs: $n" training $n $mocov2 $amp model.backbone.norm_cfg.type=SyncBN
    part "fp16 channels last, GPUs: $n" training $n $mocov2 $amp model.channels_last=True
    part "fp16 distillation, GPUs: $n" training $n $mocov2 $amp model.guides.weights.max=0.5
    part "fp16 attentive, GPUs: $n" training $n $mocov2 $amp model.arch_sampler.random.type=AttentiveSampler
    # MAX is not drawn: gradients are reduced in one piece
    part "fp16 MIN alone, GPUs: $n" training $n $mocov2 $amp model.arch_sampler.type=AnchorSampler \
        model.arch_sampler.names="['MIN']"
    part "fp16 DenseCL, GPUs: $n" training $n $densecl $amp model.channels_last=True
    # as many embeddings as are there after two iterations
    part "fp16 SwAV, GPUs: $n" training $n $swav $amp model.queue_len=$((2 * batch * n)) model.queue_start=0
done
step=("$python" "$root/tools/studies/train_step.py" --device cuda --size 224 --batch-size "$batch" --iters 20 --warmup 3)
part 'step fp32' "${step[@]}" --json "$out/step_fp32.json"
part 'step fp16 channels last' "${step[@]}" --amp fp16 --channels-last --json "$out/step_fp16.json"
part 'step bf16 channels last' "${step[@]}" --amp bf16 --channels-last --json "$out/step_bf16.json"

for log in "$out"/step_*.log; do
    printf '\n%s\n' "$(basename "$log" .log)"
    cat "$log"
done
printf '\n'
printf '%s\n' "${rows[@]}"
echo "logs: $out"
exit $failed
