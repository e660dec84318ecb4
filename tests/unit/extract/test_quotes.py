import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from claimstream.pipeline.extract.quotes import quotes


def marked(text: str) -> list[str]:
    return [text[quote.start : quote.end] for quote in quotes(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("“One,” he said, “two.”", ["“One,”", "“two.”"]),
        ('"One," he said, "two."', ['"One,"', '"two."']),
        ('"One,” he said.', ['"One,”']),
        ("”One,” he said.", ["”One,”"]),
        ("``One,'' he said.", ["``One,''"]),
        ("«One», he said.", ["«One»"]),
        ("„One“, he said.", ["„One“"]),
        ("‘It’s ours,’ he said.", ["‘It’s ours,’"]),
        ("'The workers' hall isn't ours,' he said.", ["'The workers' hall isn't ours,'"]),
        ("'Tis the '90s, rock 'n' roll and the dogs' bowls.", []),
        ("“He cried ‘Fire!’ twice,” she said.", ["“He cried ‘Fire!’ twice,”"]),
        ("‘He cried “Fire!” twice,’ she said.", ["‘He cried “Fire!” twice,’"]),
        ("“One, he said.\nTwo.", ["“One,"]),
        ("“One, he said. “Two,” he added.", ["“One,", "“Two,”"]),
        ("a 6\" nail and a 7' plank", []),
        ("no marks at all", []),
    ],
)
def test_marks(text: str, expected: list[str]):
    assert marked(text) == expected


def test_over_paragraphs():
    found = quotes("“One.\n\n“Two.\n\n“Three,” he said.")
    assert [quote.continues for quote in found] == [False, True, True]


def test_an_unclosed_quotation_ends_with_its_paragraph():
    assert marked("“One without an end\nHe said: “Two.”") == ["“One without an end", "“Two.”"]


@given(st.text(alphabet="ab .,'\"“”‘’«»„`\n", max_size=60))
def test_none_overlap(text: str):
    found = quotes(text)
    assert all(0 <= quote.start < quote.end <= len(text) for quote in found)
    assert all(one.end <= other.start for one, other in itertools.pairwise(found))
