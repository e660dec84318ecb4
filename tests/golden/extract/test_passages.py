"""Passages about invented people and places, and the claims a reader finds in them.

A case lists its claims in text order. Of a claim only the fields that the case names are compared; `content` joins
spans by ` … `. No claim may be missing and none be invented.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from claimstream.pipeline.extract import extract
from claimstream.pipeline.records import Article, Claim, joined

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['name']}")
    for path in sorted(Path(__file__).parent.glob("*.yaml"))
    for case in yaml.safe_load(path.read_text(encoding="utf-8"))
]


def told(claim: Claim) -> dict[str, object]:
    return {
        "speaker": claim.speaker.name if claim.speaker else None,
        "role": claim.speaker.role if claim.speaker else None,
        "type": claim.speaker.type if claim.speaker else None,
        "via": [speaker.name for speaker in claim.via],
        "source": joined(claim.source),
        "cue": joined(claim.cue),
        "content": joined(claim.content),
        "entities": [f"{entity.text}/{entity.label}" for entity in claim.entities],
        **claim.model_dump(include={"addressee", "stance", "polarity", "kind", "quotation"}),
    }


@pytest.mark.parametrize("case", CASES)
def test_passage(case):
    text = case["text"].strip()
    article = Article(
        id="golden",
        url=None,
        site=None,
        title=None,
        fetched_at=datetime(2026, 1, 1, tzinfo=UTC),
        language="en",
        text=text,
    )
    found = [told(claim) for claim in extract(article).claims]
    expected = case["claims"]
    assert [{k: got[k] for k in want} for got, want in zip(found, expected, strict=False)] == expected
    assert len(found) == len(expected), found[len(expected) :]


def test_there_are_enough_passages():
    assert len(CASES) >= 80
