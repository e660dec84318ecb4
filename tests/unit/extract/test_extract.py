import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st
from spacy import displacy

from claimstream.pipeline.extract import extract, load
from claimstream.pipeline.extract.attributions import Attribution
from claimstream.pipeline.extract.tokenizer import LONGEST_WORD, pieces
from claimstream.pipeline.records import Article, ClaimSet

SAID = "“The road is open,” Mayor Edda Quist told reporters. She said two buses had left Karsholm."


def article(text: str) -> Article:
    return Article(
        id="one", url=None, site=None, title=None, fetched_at=datetime(2026, 1, 1, tzinfo=UTC), language="en", text=text
    )


def holds(found: ClaimSet) -> bool:
    text = found.article.text
    return all(
        text[span.start : span.end] == span.text
        for claim in found.claims
        for span in (*claim.source, *claim.cue, *claim.content, *claim.entities)
    )


def test_an_article():
    found = extract(article(SAID))
    assert [claim.speaker.name for claim in found.claims if claim.speaker] == ["Edda Quist", "Edda Quist"]
    assert found.model.startswith("attribution-")
    assert found.pipeline
    assert len({claim.id for claim in found.claims}) == 2
    assert holds(found)


def test_the_same_text_gives_the_same_claims():
    assert extract(article(SAID)) == extract(article(SAID))


@pytest.mark.parametrize("text", ["", " ", "\n", "…", "“", "”", "said", "\u200b\ufeff", "👩‍👩‍👧"])
def test_next_to_nothing(text: str):
    assert extract(article(text)).claims == ()


ODD = st.sampled_from(
    ["“", "”", '"', "'", "’", "\n", "\u00a0", "\u2028", "👩‍👩‍👧", "é", "e\u0301", "\u200f", "ﬁ", "\ufffd", "𝔘"]
)
WORDS = st.sampled_from(
    ["Quist", "said", "that", "the", "general", "told", "reporters", "According", "to", ",", ".", ":"]
)
MORE = st.sampled_from(
    ["he", "they", "citing", "quoting", "police", "denied", "it", "asked", "whether", "not", "Dr.", "(QP)"]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(WORDS, MORE, ODD), max_size=40), st.sampled_from([" ", "", "  "]))
def test_offsets_point_at_the_text(pieces: list[str], blank: str):
    assert holds(extract(article(blank.join(pieces))))


@given(st.text(alphabet="a. \n“", max_size=200), st.integers(1, 40))
def test_the_tokenizer_loses_nothing(text: str, times: int):
    assert load().make_doc(text * times).text == text * times
    assert "".join(pieces(text * times)) == text * times


def test_a_long_word_is_cut():
    assert max(map(len, load().make_doc("x" * 5000))) == LONGEST_WORD


def test_a_speaker_is_known_far_away():
    filler = "The ferry left the port at noon and came back in the evening.\n" * 100
    found = extract(
        article("Mayor Edda Quist said the road was open.\n" + filler + "Quist said the road was closed again.")
    )
    assert [claim.speaker.name for claim in found.claims if claim.speaker] == ["Edda Quist", "Edda Quist"]
    assert holds(found)


@pytest.mark.parametrize(
    "text",
    [
        '"' * 10_000,
        "“ He said " * 1000,
        " 'tis 'x" * 1000,
        "(" * 5000,
        "the minister said that officials told reporters " * 300,
    ],
    ids=["marks", "open marks", "apostrophes", "brackets", "no full stop"],
)
def test_what_is_no_prose_is_done(text: str):
    assert holds(extract(article(text)))


def test_claims_after_a_paragraph_that_is_no_prose():
    found = extract(article('"' * 2000 + "\n" + SAID))
    assert [claim.speaker.name for claim in found.claims if claim.speaker] == ["Edda Quist", "Edda Quist"]


def test_spacy_loads_the_pipeline_by_name():
    nlp = spacy.load("claimstream", exclude=["claimstream_stance"])
    assert nlp.pipe_names == [name for name in load().pipe_names if name != "claimstream_stance"]
    one, two = nlp.pipe([SAID, "Nothing was heard."])
    assert [attribution.speaker.name for attribution in one._.attributions] == ["Edda Quist", "Edda Quist"]
    assert two._.attributions == []


def test_a_saved_pipeline_needs_no_import_of_ours(tmp_path):
    load().to_disk(tmp_path / "pipeline")
    program = "import spacy, sys; print(spacy.load(sys.argv[1])(sys.argv[2])._.attributions[0].speaker.name)"
    command = [sys.executable, "-c", program, str(tmp_path / "pipeline"), SAID]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "Edda Quist\n"


def test_displacy_shows_the_spans():
    page = displacy.render(load()(SAID), style="span", options={"spans_key": "claims"}, page=True)
    assert all(part in page for part in ("SOURCE", "CUE", "CONTENT"))


def test_reported_and_citing_are_one_claim():
    nlp = load()
    text = "As the Courier reported, citing a naval source, the pact was signed."
    doc = nlp.make_doc(text)

    def span(words: str) -> tuple[int, int]:
        return text.index(words), text.index(words) + len(words)

    pact, outlet = span("the pact was signed"), span("the Courier")
    doc._.attributions = [
        Attribution((outlet,), (span("reported"),), (pact,)),
        Attribution((outlet,), (span("citing"),), ((span("a naval source")[0], pact[1]),)),
    ]
    (only,) = nlp.get_pipe("claimstream_chains")(doc)._.attributions
    assert (only.source, only.via_source, only.content) == ((span("a naval source"),), (outlet,), (pact,))


def test_the_runtime_keeps_to_itself():
    """Where it may not store the number by which it would tell its maker of us, it complains in the log."""
    nowhere = {"HOME": "/dev/null", "PATH": os.environ["PATH"]}
    program = "from claimstream.pipeline.extract import load; load()"
    done = subprocess.run([sys.executable, "-c", program], env=nowhere, capture_output=True, text=True, check=True)
    assert "telemetry" not in done.stderr
