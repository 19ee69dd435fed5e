#!/usr/bin/env bash
# A first real run on a machine with an NVIDIA GPU, mmebench[local,models] and a PyTorch with CUDA:
#   benchmarks/gpu/run.sh [RESULTS] [SECONDS]
# It ends by itself within SECONDS (480 unless told) and leaves in RESULTS (benchmarks/gpu/results/<GPU>) what it has
# by then: a log, a JSON file a check, a results folder with pictures a benchmark.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
if ! gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader -i 0 2>&1); then
    echo "$0 needs a machine with an NVIDIA GPU whose driver answers; nvidia-smi: ${gpu##*: }" >&2
    exit 2
fi
gpu=$(tr -c 'A-Za-z0-9\n' '-' <<< "$gpu")
results=${1:-$here/results/$gpu}
ends=$(($(date +%s) + ${2:-480}))
export MMEBENCH_THREADS=1
mkdir -p "$results"
exec > >(tee "$results/log.txt") 2>&1

# Each step gets no more than the seconds named, and no more than are left.
step() {
    local limit=$1 left=$((ends - $(date +%s))); shift
    echo "== $(date +%T) $*"
    [ "$left" -lt 10 ] && { echo "== no time left"; return; }
    timeout --signal=INT --kill-after=15 $((limit < left ? limit : left)) "$@"
    local code=$?
    [ "$code" = 0 ] || echo "== exit code $code"
}

bench() { step "$1" python3 -m mmebench run "$here/$2" --results "$results/$3" "${@:4}"; }

# The ONNX platform as well where ONNX Runtime has the CUDA provider.
platforms='[pt]'
python3 -c 'import onnxruntime, sys; sys.exit("CUDAExecutionProvider" not in onnxruntime.get_available_providers())' \
    && platforms='[pt, onnx]'

step 30 nvidia-smi
step 60 python3 -m mmebench doctor
step 60 python3 "$here/metrics.py" "$results/metrics.json"
bench 180 cv.yaml cv --set "platforms=$platforms"
archive=$(find "$results/cv" -name 'resnet50-pt.tar.gz' | head -1)
# A budget of more than is left: CUDA itself runs out of memory.
step 130 python3 "$here/copies.py" "$archive" "$results/edge.json" --copies 9 --leave 5 --memory 12GiB --seconds 45
bench 90 nlp.yaml nlp --set "platforms=$platforms"
for encoding in binary json; do  # the packages are those of the first benchmark
    mkdir -p "$results/$encoding" && cp -r "$results/cv/.packages" "$results/$encoding/"
    bench 60 payload.yaml $encoding --set workload.payload.encoding=$encoding
done
step 40 python3 "$here/ensemble.py" "$results/ensemble.json"
find "$results" \( -name '*.tar.gz' -o -name '.packages' -o -name '.store-*' \) -prune -exec rm -rf {} +
echo "== $(date +%T) done"
