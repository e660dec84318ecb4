"""What others make of the same pages: html -> the article's text, if they find it. Needs requirements-bench.txt."""

from collections.abc import Callable

import justext
import lxml.html
import trafilatura
from newspaper import Article
from readability import Document
from resiliparse.extract.html2text import extract_plain_text


def _precise(html: str) -> str:
    return trafilatura.extract(html, favor_precision=True, include_comments=False) or ""


def _default(html: str) -> str:
    return trafilatura.extract(html, include_comments=False) or ""


def _readability(html: str) -> str:
    return "\n".join(lxml.html.fromstring(Document(html).summary()).itertext())


def _newspaper(html: str) -> str:
    article = Article("https://example.com/", fetch_images=False)
    article.download(input_html=html)
    article.parse()
    return str(article.text)


def _justext(html: str) -> str:
    paragraphs = justext.justext(html.encode(), justext.get_stoplist("English"), encoding="utf-8")
    return "\n".join(paragraph.text for paragraph in paragraphs if not paragraph.is_boilerplate)


def _resiliparse(html: str) -> str:
    return str(extract_plain_text(html, main_content=True, comments=False))


PEERS: dict[str, Callable[[str], str]] = {
    "trafilatura, favor_precision": _precise,
    "trafilatura": _default,
    "readability-lxml": _readability,
    "newspaper4k": _newspaper,
    "jusText": _justext,
    "resiliparse, main content": _resiliparse,
}
