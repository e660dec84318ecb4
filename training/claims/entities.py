"""What a spaCy model takes for named entities, so that the encoder can learn to name them itself.

python -m training.claims.entities --data DIR --model en_core_web_sm

Writes DIR-independent `entities.jsonl.gz` to --out: `{"id", "entities": [[start, end, label], ...]}` for each article
of train.jsonl.gz and dev.jsonl.gz. Runs in the product's environment; the training itself needs no spaCy.
"""

import argparse
import gzip
import json
from pathlib import Path

import spacy

from .data import read_lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of train.jsonl.gz and dev.jsonl.gz")
    parser.add_argument("--model", default="en_core_web_sm", help="name of the spaCy model")
    parser.add_argument("--out", type=Path, required=True, help="file to write, .jsonl.gz")
    args = parser.parse_args()
    nlp = spacy.load(args.model, exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])
    with gzip.open(args.out, "wt", encoding="utf-8") as out:
        for part in ("train", "dev"):
            for article in read_lines(args.data / f"{part}.jsonl.gz"):
                # By line, as the encoder reads it: no entity runs over a line's end.
                found, begin = [], 0
                for line in article["text"].split("\n"):
                    found += [[begin + e.start_char, begin + e.end_char, e.label_] for e in nlp(line).ents]
                    begin += len(line) + 1
                out.write(json.dumps({"id": article["id"], "entities": found}) + "\n")


if __name__ == "__main__":
    main()
