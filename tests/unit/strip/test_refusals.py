import pytest

from claimstream.pipeline.strip.refusals import language_of


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
