"""The messages: what the stages hand on, from the raw article (claimstream.publishing) to its ending.

Every record travels as JSON. Times are aware and in UTC. Offsets count Unicode code points, as Python's str does,
start inclusive, end exclusive, into the text of the stripped article.
"""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from claimstream.pipeline.outcomes import Fault, Outcome, Undeliverable
from claimstream.publishing.article import Text, Time, read
from claimstream.publishing.errors import Invalid
from claimstream.publishing.identity import digest


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def from_bytes(cls, value: bytes | None) -> Self:
        """Read a message. Raises Undeliverable, naming the field and the fix."""
        try:
            return read(cls, value)
        except Invalid as invalid:
            raise Undeliverable(Fault(invalid.reason), str(invalid)) from invalid

    def to_bytes(self) -> bytes:
        return self.model_dump_json().encode()


class Removed(Record):
    """A piece of the page that is not the article's text, kept so that the stripping can be checked."""

    text: Text = Field(description="A line of the page.")
    reason: str = Field(description="What it was taken for, e.g. `photo-caption`, `comment-form`.")
    at: int = Field(0, ge=0, description="Where it stood: how many characters of the article's text come before it.")


class Article(Record):
    """A raw article without what is not the article."""

    id: str = Field(description="Digest of the canonical url, or of site and stable id.")
    url: str | None = Field(description="As published.")
    site: str | None = Field(description="The outlet: as published, or the url's host without www.")
    title: Text | None = Field(description="As published, or as found on the page.")
    authors: tuple[Text, ...] = Field((), description="As published, or as found on the page.")
    dateline: Text | None = Field(None, description="Place line the text began with, e.g. `KESSEL`.")
    published_at: Time | None = Field(None, description="As published, or as the page's html states it.")
    fetched_at: Time = Field(description="Decides which of two versions stands.")
    language: str = Field(description="Detected ISO 639-1 code.")
    text: Text = Field(description="The article's own paragraphs, one a line. Claims point into it.")
    removed: tuple[Removed, ...] = Field((), description="What was taken out, in page order, and why.")

    @property
    def content_hash(self) -> str:
        """Changes whenever something a reader of the article sees changes."""
        return digest(
            self.title or "",
            self.text,
            *self.authors,
            self.dateline or "",
            str(self.published_at),
            self.site or "",
        )


class SeenLine(Record):
    """A line of an article's page, as the memory of its site keeps it."""

    text: Text = Field(description="Its first characters.")
    kept: bool = Field(description="Whether it reads as the article's, whatever is known of the site.")
    above: int = Field(ge=0, le=100, description="How much of the article's text stands above it, in percent.")


class Sighting(Record):
    """An article that the memory of its site is made of. It depends on the page alone, not on what was learned."""

    site: str = Field(description="The outlet, in lower case.")
    article_id: str = Field(description="The article: fetched again, it is the same one.")
    at: Time = Field(description="When Kafka received it.")
    lines: tuple[SeenLine, ...] = Field(description="In page order.")

    @property
    def name(self) -> str:
        """What it is known by among those of its site; the first one of a day stands."""
        return f"{self.article_id}@{self.at:%Y-%m-%d}"

    @property
    def key(self) -> bytes:
        """Of the Kafka message."""
        return f"{self.site} {self.name}".encode()


class Mark(Record):
    """A person's word on the memory of a site."""

    site: str = Field(description="The outlet, in lower case.")
    line: Text | None = Field(None, description="The line it is about; none for all that was learned of the site.")
    pinned: bool = Field(
        description="True: the line is always removed. False: what was learned until then is forgotten."
    )
    at: Time = Field(description="From when on.")

    @property
    def key(self) -> bytes:
        """Of the Kafka message: the last word on a line stands."""
        return f"{self.site} mark:{digest(self.line) if self.line else ''}".encode()


SiteRecord: TypeAdapter[Sighting | Mark] = TypeAdapter(Sighting | Mark)
"""What the memory of sites is made of."""


class Span(Record):
    """A piece of the article's text: `article.text[start:end] == text`."""

    start: int = Field(ge=0, description="Offset of the first character.")
    end: int = Field(ge=0, description="Offset behind the last character.")
    text: str = Field(description="The characters between.")


Spans = tuple[Span, ...]


def joined(spans: Spans) -> str:
    return " … ".join(span.text for span in spans)


Stance = Literal[
    "asserts", "denies", "doubts", "supports", "opposes", "promises", "warns", "asks", "expects", "calls for"
]
"""Where the source stands to the content. To accuse is to assert; an own plan is a promise; asking somebody to do
something calls for it. `denies` needs a cue of denial: `said there is no deal` asserts a negative content."""
Kind = Literal["speech", "belief", "attitude"]
"""What the cue tells of: something said, held true (`believes`), or wished or felt (`wants`, `regrets`)."""
Quotation = Literal["direct", "indirect", "mixed"]
"""Whether the content stands in quotation marks: all of it, nothing of it, or a part."""
Polarity = Literal["affirmative", "negative"]
SpeakerType = Literal["person", "organization", "group", "place", "document", "unnamed"]
"""What the speaker is; `unnamed` is somebody the article does not name (`a source in the navy`)."""


class Speaker(Record):
    """Who a source is, resolved within the article."""

    name: str = Field(description="Fullest name the article gives; the source's own words if it names nobody.")
    role: str | None = Field(None, description="Title or office the article gives, e.g. `Defence Ministry spokesman`.")
    type: SpeakerType = Field(description="What the speaker is.")


class Entity(Record):
    """A name, place, number or date inside a claim's content."""

    start: int = Field(ge=0, description="Offset of the first character.")
    end: int = Field(ge=0, description="Offset behind the last character.")
    text: str = Field(description="The characters between.")
    label: str = Field(description="spaCy's (OntoNotes') label: PERSON, ORG, GPE, DATE, CARDINAL ...")


class Claim(Record):
    """An attributed statement: source (who), cue (said, denied, according to), content (what)."""

    article_id: str = Field(description="The article whose text the spans point into.")
    source: Spans = Field(description="Who, as the text has it; empty if the text names no source.")
    cue: Spans = Field(description="The words that attribute: said, denied, according to.")
    content: Spans = Field(min_length=1, description="What; several spans where the text interrupts a quote.")
    speaker: Speaker | None = Field(None, description="Whom the source words stand for; none if nobody is named.")
    via: tuple[Speaker, ...] = Field((), description="Through whom the speaker is quoted, nearest first.")
    addressee: str | None = Field(None, description="To whom it was said: `told Port Herald`.")
    stance: Stance = Field(description="The source's stance to the content.")
    polarity: Polarity = Field("affirmative", description="Of the content: `there is no cooperation` is negative.")
    kind: Kind = Field("speech", description="Whether it was said, believed or wished.")
    quotation: Quotation = Field("indirect", description="Whether the content stands in quotation marks.")
    confidence: float = Field(ge=0, le=1, description="Probability that source and content are right.")
    entities: tuple[Entity, ...] = Field((), description="Names, places, numbers and dates in the content.")

    @property
    def id(self) -> str:
        """Of article, content and source: a re-run finds the same claim under the same id."""
        return digest(self.article_id, joined(self.content), joined(self.source))


class ClaimSet(Record):
    """An article with all its claims: the unit that is indexed, so that a version replaces another as a whole."""

    article: Article = Field(description="The stripped article.")
    claims: tuple[Claim, ...] = Field(description="In text order.")
    pipeline: str = Field(description="Version of claimstream that extracted the claims.")
    model: str = Field(
        description="What found the claims: `attribution-` and the first digits of its weights' SHA-256."
    )

    @property
    def fingerprint(self) -> str:
        """Same fingerprint, same documents: there is nothing to write."""
        return digest(self.article.content_hash, self.pipeline, self.model)


class Ending(Record):
    """How the way of one published article ended. There is one for each message of the raw-articles topic."""

    origin: str = Field(description="Where it was published: `topic/partition/offset` of the raw article.")
    outcome: Outcome = Field(description="What became of it.")
    stage: str = Field(description="The stage in which the way ended: strip, extract or index.")
    reason: str | None = Field(None, description="Refusal or fault; none if it was indexed.")
    detail: Text | None = Field(None, description="The reason in words, at most 1000 characters.")
    article_id: str | None = Field(None, description="The article, as far as it is known.")
    url: str | None = Field(None, description="Its address, as far as it is known.")
    site: str | None = Field(None, description="Its outlet, as far as it is known.")
    received_at: Time = Field(description="When Kafka received the raw article.")
    ended_at: Time = Field(description="When the stage was done with it.")
    claims: int = Field(0, description="How many claims stand in the index for it.")


class DeadLetter(Record):
    """A message that could not be processed. Its value is kept byte for byte; the rest travels in headers."""

    value: bytes | None = Field(description="The original bytes.")
    key: bytes | None = Field(None, description="The original key.")
    stage: str = Field(description="The stage that gave up: strip, extract or index.")
    fault: Fault = Field(description="Why, in one word.")
    error: Text = Field(description="Why, in words; a traceback for a defect of this program.")
    topic: str = Field(description="The topic that the message was read from.")
    partition: int = Field(description="Its partition there.")
    offset: int = Field(description="Its offset there.")
    origin: str = Field(description="Where the raw article was published: `topic/partition/offset`.")
    received_at: Time = Field(description="When Kafka received the raw article.")
    died_at: Time = Field(description="When the stage gave up.")
