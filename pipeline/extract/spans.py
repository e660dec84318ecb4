"""claimstream_spans: sources, cues and contents as the span group `claims` of the Doc.

See them by `displacy.serve(doc, style="span", options={"spans_key": "claims"})`.
"""

from spacy.language import Language
from spacy.tokens import Doc


class Spans:
    def __call__(self, doc: Doc) -> Doc:
        found = (
            doc.char_span(start, end, label=part.upper(), span_id=str(number), alignment_mode="expand")
            for number, attribution in enumerate(doc._.attributions)
            for part in ("source", "cue", "content")
            for start, end in getattr(attribution, part)
        )
        doc.spans["claims"] = [span for span in found if span is not None]
        return doc


@Language.factory("claimstream_spans", requires=["doc._.attributions"], assigns=["doc.spans"])
def make_spans(nlp: Language, name: str) -> Spans:
    return Spans()
