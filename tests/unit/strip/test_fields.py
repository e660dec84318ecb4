import pytest

from claimstream.pipeline.strip.fields import byline, headline, is_sentence, reporters, split_dateline


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("By Ada Lorn", ("Ada Lorn",)),
        ("by Rane Olsson and Mika Dahl, Staff writers | May 3, 2025", ("Rane Olsson", "Mika Dahl")),
        ("BY ADA LORN / STAFF WRITER", ("Ada Lorn",)),
        ("By Ahmed al-Barak", ("Ahmed al-Barak",)),
        ("By Meridian Press", ()),
        ("By", ()),
    ],
)
def test_byline(line: str, names: tuple[str, ...]):
    assert byline(line) == names


@pytest.mark.parametrize(
    "line", ["By Tuesday the port had closed.", "By contrast, the union", "Bygones", "By all accounts"]
)
def test_no_byline(line: str):
    assert byline(line) is None


def test_reporters_are_who_reported_not_who_helped():
    assert reporters("Reporting by: Jan van Ester") == ("Jan van Ester",)
    assert reporters("(Reporting by Ada Lorn; Editing by Per Holm)") == ("Ada Lorn",)
    assert reporters("Additional reporting by Sanna Vik") == ()


@pytest.mark.parametrize(
    ("dateline", "rest"),
    [
        ("AMUDE –", "The ministry said"),
        ("ORSK, Oct 3 (Meridian) -", "Farmers blocked"),
        ("COLUMBIA, S.C. (MP) —", "“We won,” she said"),
        ("NEW ESTER/ORSK (Aug. 13) --", "Two people"),
        ("Lund Bay (Meridian) –", "The mayor"),
        ("Dekal, Ill. —", "Nine goals"),
        ("(Meridian) -", "Shares fell"),
    ],
)
def test_dateline(dateline: str, rest: str):
    place, _, _ = dateline.rpartition(" ")
    assert split_dateline(f"{dateline} {rest}") == (place, rest)


@pytest.mark.parametrize(
    "text", ["The union – which", "He left - for good.", "UPDATE - The port", "Q – Why?", "One in ten — 9 %"]
)
def test_no_dateline(text: str):
    assert split_dateline(text) is None


def test_headline_is_worded_as_the_address():
    lines = ["Estermouth Courier", "Ten things to do this weekend", "Bank chief quits after audit", "Ad choices"]
    assert (
        headline(lines, "https://courier.example/2025/bank-chief-quits-after-audit") == "Bank chief quits after audit"
    )
    assert headline(lines, None) == "Ten things to do this weekend"
    assert headline(["Ferries"], None) is None


def test_headline_is_no_paragraph_in_a_script_without_spaces():
    title = "港の連絡船、来週から運航再開へ 二カ月ぶり"
    paragraph = "ケッセル港の港長は月曜日、連絡船が来週、二カ月ぶりに運航を再開すると述べた。"
    assert headline([title, paragraph], None) == title
    assert headline([paragraph], None) is None
    assert is_sentence(paragraph)
    assert not is_sentence(title)
