import pytest

from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.sites import SiteError, known_sites, parse, site_for


def test_every_packaged_site_file_is_valid():
    assert known_sites()


def test_rule_holds_for_whole_lines_whatever_the_case():
    site = parse("x.yaml", "drop:\n  - line: back the \\w+\n    reason: support-line\n")
    assert site.reason_for("Back the Courier") is Reason.SUPPORT_LINE
    assert site.reason_for("Back the Courier, he said") is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("drop: [", "is not YAML"),
        ("drop: []", "drop: "),
        ("drop:\n  - line: (\n    reason: tags", "drop.0.line: is no regular expression"),
        ("drop:\n  - line: a\n    reason: dull", "drop.0.reason: "),
        ("drop:\n  - line: a\n    reason: tags\n    why: b", "drop.0.why: "),
        ("just words", "x.yaml: "),
    ],
)
def test_wrong_file_is_told_apart(source: str, said: str):
    with pytest.raises(SiteError, match=r"^x\.yaml") as error:
        parse("x.yaml", source)
    assert said in str(error.value)


def test_unknown_site_has_no_rules():
    assert site_for(None) is None
    assert site_for("courier.example") is None
