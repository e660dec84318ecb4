"""The page of the intake shows all that its description says, and nothing that could run."""

import re
from html.parser import HTMLParser

import pytest

from claimstream.agents.openapi import describe
from claimstream.agents.openapi_page import page
from claimstream.publishing import RawArticle


class Read(HTMLParser):
    """The text of a page, its tags, and what it fetches or leads to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links |= {value for name, value in attrs if name in {"href", "src"}}
        self.ids |= {value for name, value in attrs if name == "id"}

    def handle_data(self, data):
        self.text += data + " "


@pytest.mark.parametrize("with_token", [True, False])
def test_every_operation_field_and_status_is_on_it(with_token):
    description = describe(with_token=with_token)
    shown = Read(page(description))
    operation = description["paths"]["/articles"]["post"]
    words = shown.text.split()
    assert "POST /articles" in shown.text
    assert {*operation["responses"], *RawArticle.model_fields, *operation["requestBody"]["content"]} <= set(words)
    assert {one["name"] for one in operation["parameters"]} <= set(words)
    for schema in description["components"]["schemas"].values():
        assert set(schema["properties"]) <= set(words)
    for told in [answer["description"] for answer in operation["responses"].values()]:
        assert "".join(told.replace("`", "").split()) in "".join(words)
    assert ("Authorization: Bearer" in shown.text) is with_token


def test_it_needs_nothing_from_elsewhere():
    shown = Read(page(describe(with_token=True)))
    assert shown.links - {"openapi.json"} <= {f"#{name}" for name in shown.ids}
    assert not {"script", "link", "img", "iframe"} & shown.tags
    assert not re.search(r"url\(|@import", page(describe(with_token=True)))


def test_what_the_description_holds_stays_text():
    description = describe(with_token=True)
    evil = '<script>alert(1)</script>" onload="alert(1)'

    def spoilt(value):
        if isinstance(value, dict):
            told = ("description", "summary", "title", "pattern", "scheme", "in", "url")
            return {key: evil if key in told and isinstance(v, str) else spoilt(v) for key, v in value.items()}
        return [spoilt(one) for one in value] if isinstance(value, list) else value

    shown = Read(page(spoilt(description)))
    assert "script" not in shown.tags
    assert "onload" not in shown.attributes
    assert shown.text.count("alert(1)") > 10
