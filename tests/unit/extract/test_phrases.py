import pytest

from claimstream.pipeline.extract.phrases import Phrase, read


@pytest.mark.parametrize(
    ("text", "name", "role"),
    [
        ("Jane Roe", "Jane Roe", None),
        ("Jane Roe, the mayor of Springfield", "Jane Roe", "mayor of Springfield"),
        ("the mayor of Springfield, Jane Roe", "Jane Roe", "mayor of Springfield"),
        ("Jane Roe, 42, a lecturer from Velmora", "Jane Roe", "lecturer from Velmora"),
        ("Interior Minister Karl Odden", "Karl Odden", "Interior Minister"),
        ("interim president Karl Odden", "Karl Odden", "interim president"),
        (
            "Defense Ministry spokesman Major General Osric Hane",
            "Osric Hane",
            "Defense Ministry spokesman Major General",
        ),
        ("minister of mines and energy Tove Larkin", "Tove Larkin", "minister of mines and energy"),
        ("Velmora’s president Karl Odden", "Karl Odden", "Velmora’s president"),
        ("Outer Isles (OI) Governor Jane Roe", "Jane Roe", "Outer Isles Governor"),
        ("Dr. Hedda Munk, an adviser to the forces", "Hedda Munk", "adviser to the forces"),
        ("One of the protesters, Hedda Munk, 42", "Hedda Munk", "One of the protesters"),
        ("Lena Aspel from the Institute", "Lena Aspel", None),
        ("the Courier newspaper", "Courier", "newspaper"),
        ("Velmora’s Defense Ministry", "Velmora’s Defense Ministry", None),
        ("Ombudsman Nina Carrow’s office", "Nina Carrow’s office", None),
        ("the Bank of Velmora", "Bank of Velmora", None),
        ("Abdul bin Rashid", "Abdul bin Rashid", None),
    ],
)
def test_names(text: str, name: str, role: str | None):
    found = read(text)
    assert (found.name, found.role) == (name, role)


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("an adviser to the forces", "adviser"),
        ("The general", "general"),
        ("The President", "president"),
        ("Experts", "experts"),
        ("Velmora’s interior minister", "minister"),
        ("a hospital spokesman", "spokesman"),
        ("scientists using a telescope atop Mount Hale", "scientists"),
        ("Two doctors who were walking on the beach", "doctors"),
    ],
)
def test_descriptions(text: str, head: str):
    found = read(text)
    assert (found.name, found.head) == (None, head)


def test_what_is_no_phrase():
    assert read(" – “”") == Phrase("")


@pytest.mark.parametrize(
    ("text", "gender"), [("Ms. Roe", "f"), ("Mr. Roe", "m"), ("chairwoman Sam Roe", "f"), ("A. Roe", "")]
)
def test_gender(text: str, gender: str):
    assert read(text).gender == gender
