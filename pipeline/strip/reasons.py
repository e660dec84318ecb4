"""The closed list of words for what a removed line was taken for."""

from enum import StrEnum


class Reason(StrEnum):
    # What becomes a field of the article.
    TITLE = "title"
    TITLE_REPEAT = "title-repeat"
    DATELINE = "dateline"
    """`AMUDE –`, `KYIV, Oct 3 (Agency) -`: cut off the paragraph that it opens."""
    BYLINE = "byline"
    REPORTING_BY = "reporting-by"
    TIMESTAMP = "timestamp"
    """When it was published, updated, how long it takes to read."""

    # What belongs to the article, but is not its text.
    PHOTO_CAPTION = "photo-caption"
    CREDIT = "credit"
    SOURCE_LINE = "source-line"
    """The outlet's or agency's name on a line of its own, `Source: ...`, `First published in ...`."""
    AUTHOR_BIO = "author-bio"
    TAGS = "tags"
    COPYRIGHT = "copyright"
    MEDIA_PLAYER = "media-player"
    """Controls and notices of an embedded video, map or post."""

    # What the outlet wants of its readers.
    SUPPORT_LINE = "support-line"
    SUBSCRIBE_LINE = "subscribe-line"
    FOLLOW_LINE = "follow-line"
    SHARE_BOX = "share-box"
    SHORT_LINK = "short-link"
    CONSENT_NOTICE = "consent-notice"
    ADVERTISEMENT = "advertisement"
    CONTACT = "contact"

    # What surrounds it.
    RELATED_LINKS = "related-links"
    COMMENT_FORM = "comment-form"
    COMMENT = "comment"
    CAPTCHA = "captcha"
    NAVIGATION = "navigation"
    SEPARATOR = "separator"
    """No letters: rules, bullets, counters."""
    STANDING = "standing"
    """It stands on several articles of the site."""
    BEYOND = "beyond"
    """Above the line below which this site's articles begin, or below the one above which they end."""
    REPEAT = "repeat"
    """A paragraph that stands in the text already, as pull quotes do."""
    OUTSIDE = "outside"
    """Before the article's first or after its last paragraph, by its shape and place alone."""
    FRAGMENT = "fragment"
    """Between paragraphs, and by its shape none of them."""
