import pytest

from claimstream.pipeline.outcomes import Refusal, Refused
from claimstream.pipeline.records import Removed
from claimstream.pipeline.strip.reasons import Reason
from claimstream.pipeline.strip.refusals import check, language_of


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "The union said on Monday that the strike would go on until the port authority made a better offer."),
        ("en", "He denied it."),
        ("en", "“No,” Brenning said. “I was in Veldra with Halvard and Marten at the time.”"),
        ("de", "Die Gewerkschaft teilte am Montag mit, dass der Streik bis auf Weiteres fortgesetzt wird."),
        (
            "fr",
            "Le syndicat a annoncé lundi que la grève se poursuivrait jusqu'à ce qu'une meilleure offre soit faite.",
        ),
        (
            "es",
            "El sindicato anunció el lunes que la huelga continuará hasta que haya una oferta mejor.",
        ),
        ("nl", "De vakbond zei maandag dat de staking doorgaat totdat de haven met een beter bod komt."),
        ("ar", "قال الاتحاد يوم الاثنين إن الإضراب سيستمر حتى يتم تقديم عرض أفضل"),
        ("ru", "Профсоюз заявил в понедельник, что забастовка продолжится до лучшего предложения."),
    ],
)
def test_language(language: str, text: str):
    assert language_of(text) == language


def test_a_foreign_quotation_at_the_start_does_not_decide():
    quotation = "„Wir machen weiter, bis das Angebot besser ist“, hieß es auf dem Plakat vor dem Tor des Hafens. "
    assert (
        language_of(
            quotation * 3 + "The union said on Monday that the strike would go on for as long as it takes. " * 30
        )
        == "en"
    )


SENTENCE = "The harbour master of Kessel said on Monday that the ferry will sail again next week."
SHORT = (SENTENCE, "Its engines had been taken out for two months.")
LONG = tuple(f"{SENTENCE} Ferry {n} follows a week later, the company added." for n in range(12))
GERMAN = ("Die Gewerkschaft teilte am Montag mit, dass der Streik bis auf Weiteres fortgesetzt wird.",) * 12
COOKIES = "We and our partners use cookies and process personal data on this device."


@pytest.mark.parametrize(
    ("refusal", "paragraphs", "around", "url"),
    [
        (Refusal.PAYWALL_STUB, SHORT, ("Subscribe to continue reading", "Home"), None),
        (Refusal.PAYWALL_STUB, (*SHORT, "This article is for subscribers."), (), None),
        (Refusal.MEDIA_PAGE, SHORT, (), "https://example.com/videos/ferry"),
        (Refusal.MEDIA_PAGE, SHORT, ("Loading gallery", "1 of 12"), None),
        (Refusal.MEDIA_PAGE, (), ("Watch: the ferry sails", "Video of the day"), None),
        (Refusal.NO_ARTICLE, SHORT, ("404", "Home"), None),
        (Refusal.NO_ARTICLE, (), ("Sorry, that page could not be found",), None),
        (Refusal.NO_ARTICLE, (), ("Home", "Contact"), None),
        (Refusal.CONSENT_WALL, (COOKIES, "Accept"), (), None),
        (Refusal.CONSENT_WALL, (), (COOKIES, "Accept", "Reject"), None),
        (Refusal.INDEX_PAGE, ("Ferry sails again in Kessel",) * 8, (), None),
        (Refusal.INDEX_PAGE, (), ("Ferry sails again in Kessel",) * 12, None),
        (Refusal.NOT_ENGLISH, GERMAN, (), None),
        (Refusal.TOO_SHORT, ("The ferry sails.",), ("Home",), None),
    ],
)
def test_what_is_no_article_is_refused_with_the_word_for_what_it_is(
    refusal: Refusal, paragraphs: tuple[str, ...], around: tuple[str, ...], url: str | None
):
    removed = [Removed(text=line, reason=Reason.OUTSIDE) for line in around]
    with pytest.raises(Refused) as refused:
        check(paragraphs, removed, url, min_words=20)
    assert refused.value.refusal is refusal


@pytest.mark.parametrize(
    ("around", "url"),
    [
        (("Subscribe to continue reading", "404", "Loading gallery", "1 of 12", COOKIES), None),
        ((), "https://example.com/videos/ferry"),
    ],
)
def test_an_article_of_some_length_is_kept_whatever_stands_around_it(around: tuple[str, ...], url: str | None):
    removed = [Removed(text=line, reason=Reason.OUTSIDE) for line in around]
    assert check(LONG, removed, url, min_words=20) == "en"
