"""spaCy's English tokenizer, in linear time on text that is no prose.

Its time grows with the square of a run without white space (a base64 image, a table of dots): such a run is cut.
"""

import re
from collections.abc import Callable, Iterator

from spacy.language import Language, create_tokenizer
from spacy.tokenizer import Tokenizer
from spacy.tokens import Doc
from spacy.util import registry

LONGEST_WORD = 500
RUN = re.compile(rf"\S{{{LONGEST_WORD}}}")


def pieces(text: str) -> Iterator[str]:
    """The text, cut behind every LONGEST_WORD characters without white space."""
    start = 0
    for run in RUN.finditer(text):
        yield text[start : run.end()]
        start = run.end()
    if start < len(text):
        yield text[start:]


class LinearTokenizer(Tokenizer):  # type: ignore[misc]  # spaCy's is untyped
    def __call__(self, text: str) -> Doc:
        docs = [super(LinearTokenizer, self).__call__(piece) for piece in pieces(text)]
        return Doc.from_docs(docs, ensure_whitespace=False) if len(docs) > 1 else docs[0] if docs else Doc(self.vocab)


@registry.tokenizers("claimstream_tokenizer")  # type: ignore[untyped-decorator]  # spaCy's is untyped
def make_tokenizer() -> Callable[[Language], LinearTokenizer]:
    def of(nlp: Language) -> LinearTokenizer:
        english = create_tokenizer()(nlp)
        return LinearTokenizer(
            english.vocab,
            rules=english.rules,
            prefix_search=english.prefix_search,
            suffix_search=english.suffix_search,
            infix_finditer=english.infix_finditer,
            token_match=english.token_match,
            url_match=english.url_match,
        )

    return of
