import pytest

from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.rules import LONGEST, rule_for


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        (Reason.ADVERTISEMENT, "- Advertisement -"),
        (Reason.ADVERTISEMENT, "Story continues below advertisement"),
        (Reason.CAPTCHA, "4 × five ="),
        (Reason.CAPTCHA, "Please type the characters shown above"),
        (Reason.COMMENT_FORM, "Leave a Reply"),
        (Reason.COMMENT_FORM, "Your email address will not be published. Required fields are marked *"),
        (Reason.COMMENT_FORM, "View 12 comments"),
        (Reason.SHARE_BOX, "Share on Facebook"),
        (Reason.SHARE_BOX, "Facebook Twitter Email"),
        (Reason.SHARE_BOX, "299FollowersFollow"),
        (Reason.SHORT_LINK, "• Short link :"),
        (Reason.SHORT_LINK, "https://example.org/a/b"),
        (Reason.SUBSCRIBE_LINE, "Sign up for our free newsletter"),
        (Reason.SUBSCRIBE_LINE, "Get the day's top headlines delivered to your inbox every morning."),
        (Reason.FOLLOW_LINE, "For the latest from the coast, follow us on Twitter :"),
        (Reason.FOLLOW_LINE, "@adalorn"),
        (Reason.SUPPORT_LINE, "Donate to keep the Courier free"),
        (Reason.CONSENT_NOTICE, "We use cookies and other tracking technologies to improve your browsing."),
        (Reason.COPYRIGHT, "© 2025 The Estermouth Courier. All rights reserved."),
        (Reason.REPORTING_BY, "Reporting by: Ilse Marten"),
        (Reason.REPORTING_BY, "(Additional reporting by Sanna Vik; Editing by Per Holm)"),
        (Reason.REPORTING_BY, "Ada Lorn in Veldra contributed to this report."),
        (Reason.SOURCE_LINE, "Source: Coastline News"),
        (Reason.SOURCE_LINE, "This article originally appeared in the Courier."),
        (Reason.CREDIT, "Photo: Brit Osk"),
        (Reason.CREDIT, "Getty Images"),
        (Reason.PHOTO_CAPTION, "Dockers at the north gate. (Photo: Coastline / Ilse Marten)"),
        (Reason.PHOTO_CAPTION, "A tractor blocks the road to the capital on Friday. Photograph: Mika Dahl/Meridian"),
        (Reason.TAGS, "Tags: grain, agriculture"),
        (Reason.RELATED_LINKS, "You may also like"),
        (Reason.RELATED_LINKS, "Read more: Flour prices rise again"),
        (Reason.MEDIA_PLAYER, "Play video"),
        (Reason.TIMESTAMP, "Published: Jan. 14, 2025 Updated: 4:49 p.m."),
        (Reason.TIMESTAMP, "Sat 24 Feb 2024 12.42 CET"),
        (Reason.TIMESTAMP, "4 min read"),
        (Reason.AUTHOR_BIO, "About the author"),
        (Reason.CONTACT, "Phone: 555 0100"),
        (Reason.NAVIGATION, "Skip to main content"),
        (Reason.SEPARATOR, "* * *"),
    ],
)
def test_known_line(reason: Reason, line: str):
    assert rule_for(line) is reason


@pytest.mark.parametrize(
    "line",
    [
        "“Share the burden,” she said.",
        "He said the photo was taken on Monday.",
        "The source said the ministry would comment on Friday.",
        "Follow the money, the prosecutor told the jury.",
        "Copyright law does not cover recipes, the court ruled.",
        "“We use cookies to lure the bear,” the ranger explained to visitors.",
        "The union will leave a comment period of two weeks.",
        "By October 3 the port was closed.",
        "Support for the minister has fallen, a poll found.",
        "Subscribers to the gas service must pay more, he said.",
        "Why the union walked out",
        "1. A pension at 62",
        "No.",
    ],
)
def test_article_line(line: str):
    assert rule_for(line) is None


@pytest.mark.parametrize(
    "piece", ["may 1 ", "share ", "A", '"', "Aa bb, ", ". ", "photo: ", "(", "By Ada Lorn, ", "10:10 ", "get the "]
)
def test_no_line_sends_a_pattern_backtracking(piece: str):
    """It would take minutes, and the suite's time limit ends it."""
    line = (piece * LONGEST)[: LONGEST - 1].strip() + "!"
    assert {rule_for(line[:size].strip()) for size in (LONGEST, 150, 90)} <= {None, *Reason}
