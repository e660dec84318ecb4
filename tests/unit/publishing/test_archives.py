"""What is read out of files: each article whole, and whatever is none named."""

import codecs
import gzip
import json
import sys
import tracemalloc

import pytest

from claimstream.publishing import RawArticle
from claimstream.publishing.archives import files, read
from claimstream.publishing.archives.entry import MAX_BYTES, Unreadable
from claimstream.publishing.archives.pages import decoded

from ...site import warc

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

URL = "https://port-herald.example/news/{}"
PAGE = "<html><body><p>The “old” pier – said Jaro Mlinar – is closed.</p></body></html>"


def entries(path, folder=None, **known):
    return [entry for _, entry in read(path, str(folder or path.parent), **known)]


def problems(found):
    return [f"{entry.error.reason}: {entry.error}" for entry in found if entry.error]


class TestLines:
    LINE = json.dumps({"url": URL.format(1), "text": "words"}).encode()

    @pytest.mark.parametrize(
        ("name", "zipped"),
        [("a.jsonl", bytes), ("a.ndjson", bytes), ("a.jsonl.gz", gzip.compress), ("a.jsonl.zst", zstd.compress),
         ("unknown", gzip.compress)],
    )  # fmt: skip
    def test_are_articles(self, tmp_path, name, zipped):
        (tmp_path / name).write_bytes(zipped(self.LINE + b"\n\n" + self.LINE))
        found = entries(tmp_path / name)
        assert [entry.where for entry in found] == [f"{tmp_path / name}:1", f"{tmp_path / name}:3"]
        assert {entry.article.url for entry in found} == {URL.format(1)}

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            (b"{", "not-json: the message is not JSON"),
            (b"[1]", "not-json: the message is a JSON list"),
            (b'{"text": "\xff"}', "not-json: the message is not JSON"),
            (b'{"url": "https://a.example"}', "invalid-record: text: is missing"),
            (b'"' + b"x" * MAX_BYTES + b'"', "too-large: is longer than 64 MiB"),
        ],
    )
    def test_that_are_wrong_are_named_and_the_next_is_read(self, tmp_path, line, told):
        file = tmp_path / "a.jsonl"
        file.write_bytes(line + b"\n" + self.LINE)
        bad, good = entries(file)
        assert problems([bad])[0].startswith(told)
        assert good.article

    @pytest.mark.parametrize("zip_", [gzip.compress, zstd.compress])
    def test_of_a_file_that_is_cut_off_or_damaged(self, tmp_path, zip_):
        whole = zip_(b"".join(self.LINE[:-1] + b', "n": %d}\n' % n**9 for n in range(2000)))
        file = tmp_path / "a.jsonl.zipped"
        file.write_bytes(whole[: len(whole) // 2])
        *_, last = entries(file)
        assert problems([last]) == ["unreadable: is cut off: the compressed data end too early"]
        file.write_bytes(whole[: len(whole) // 2] + b"\0" * 100 + whole[len(whole) // 2 + 100 :])
        *_, last = entries(file)
        assert last.error.reason in {"unreadable", "not-json"}

    def test_of_several_members_and_padding(self, tmp_path):
        file = tmp_path / "a.jsonl.gz"
        file.write_bytes(gzip.compress(self.LINE + b"\n") + bytes(600) + gzip.compress(self.LINE) + bytes(200_000))
        assert [entry.article.url for entry in entries(file)] == [URL.format(1)] * 2
        file.write_bytes(gzip.compress(self.LINE + b"\n") + b"garbage")
        assert problems(entries(file))[0].startswith("unreadable: is damaged")

    def test_of_news_please(self, tmp_path):
        theirs = {
            "authors": ["Ada Brook"], "date_download": "2026-09-15 10:00:00", "date_modify": None,
            "date_publish": "2026-09-14 08:00:00", "description": "d", "filename": "f.json", "language": "en",
            "localpath": None, "maintext": "The ferry sails.", "source_domain": "www.port-herald.example",
            "title": "Ferry", "url": URL.format(2),
        }  # fmt: skip
        (tmp_path / "one.json").write_text(json.dumps(theirs, indent=2))
        (tmp_path / "many.json").write_text(json.dumps([theirs, theirs | {"maintext": None}, 7]))
        (one,) = entries(tmp_path / "one.json")
        article = one.article
        assert (article.url, article.text, article.title) == (URL.format(2), "The ferry sails.", "Ferry")
        assert (str(article.published_at), str(article.fetched_at)) == (
            "2026-09-14 08:00:00+00:00",
            "2026-09-15 10:00:00+00:00",
        )
        first, *rest = entries(tmp_path / "many.json")
        assert first.article == article
        assert problems(rest)[0].startswith("invalid-record: text: ")
        assert problems(rest)[1] == "invalid-record: is a JSON int, not an object"


class TestCharsets:
    @pytest.mark.parametrize(
        ("page", "charset"),
        [
            (PAGE.encode(), None),
            (PAGE.encode("cp1252"), None),
            (PAGE.encode("cp1252"), "iso-8859-1"),
            (PAGE.encode("cp1252"), "utf-8"),
            (PAGE.encode(), "no-such-charset"),
            (PAGE.encode(), "idna"),
            (codecs.BOM_UTF16_LE + PAGE.encode("utf-16-le"), "utf-8"),
            (codecs.BOM_UTF8 + PAGE.encode(), "cp1252"),
            (PAGE.encode("cp1251"), "windows-1251"),
            (b"<meta charset='cp1251'>" + PAGE.encode("cp1251"), None),
            (b"<meta charset='cp1251'>" + PAGE.encode("cp1251"), "utf-8"),
        ],
    )
    def test_are_found_even_if_declared_wrongly(self, page, charset):
        assert decoded(page, charset).endswith(PAGE)

    def test_no_bytes_are_too_strange(self):
        assert decoded(bytes(range(256)) * 2)

    @pytest.mark.parametrize("charset", ["utf-8", "utf-16-le", "cp1251", None])
    def test_what_comes_out_is_printable_as_in_a_raw_article(self, tmp_path, charset):
        page = "<p>\0Ferry\x1b[31m \x93sails\x94</p>" if charset in {"utf-8", "utf-16-le"} else "<p>\0Ferry\x1b[31m</p>"
        text = decoded(page.encode(charset or "cp1252"), charset)
        assert text == RawArticle(id="1", html=page).html
        (tmp_path / "a.html").write_bytes(page.encode())
        assert [entry.article.html for entry in entries(tmp_path / "a.html")] == [text]


class TestPages:
    def test_are_articles_under_their_path_or_address(self, tmp_path):
        for name in ("a.html", "deep/b.htm", "deep/c.txt", "picture.png", "d.HTML"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(PAGE)
        found = [
            entry
            for folder, file in files([str(tmp_path)])
            for entry in entries(file, folder, site="port-herald.example")
        ]
        assert {entry.article.id for entry in found} == {"a.html", "d.HTML", "deep/b.htm", "deep/c.txt"}
        assert {entry.article.site for entry in found} == {"port-herald.example"}
        (one,) = entries(tmp_path / "a.html", url=URL.format(1))
        assert (one.article.url, one.article.id, one.article.html) == (URL.format(1), None, PAGE)

    def test_a_folder_without_any_is_named(self, tmp_path):
        (tmp_path / "picture.png").touch()
        with pytest.raises(Unreadable, match=r"holds no file that ends in \.warc"):
            list(files([str(tmp_path)]))


def good(n, page=PAGE):
    return ("response", URL.format(n), "200 OK", "text/html; charset=utf-8", page.encode())


@pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)  # of the writer
class TestWarc:
    @pytest.mark.parametrize(("name", "gzipped"), [("a.warc", False), ("a.warc.gz", True)])
    def test_html_responses_are_articles_and_the_rest_is_counted(self, tmp_path, name, gzipped):
        found = entries(
            warc(
                tmp_path / name,
                good(1),
                ("request", URL.format(1), "GET / HTTP/1.1", "text/html", b""),
                ("response", URL.format(2), "404 Not Found", "text/html", b"gone"),
                ("response", URL.format(3), "200 OK", "image/png", b"png"),
                ("response", URL.format(4), "200 OK", "text/html; charset=windows-1252", PAGE.encode("cp1252")),
                ("response", "dns:port-herald.example", "200 OK", "text/html", b"words"),
                (*good(5), ("WARC-Truncated", "length")),
                gzipped=gzipped,
            )
        )
        articles = [entry.article for entry in found if entry.article]
        assert [(one.url, one.html, str(one.fetched_at)) for one in articles] == [
            (URL.format(n), PAGE, "2026-09-14 08:00:00+00:00") for n in (1, 4)
        ]
        assert [entry.else_ for entry in found if entry.else_] == [
            "a warcinfo record", "a request record", "status 404", "not html", "a response record",
        ]  # fmt: skip
        assert problems(found) == [
            "broken-record: the crawler has cut the page off (length)",
        ]

    def test_a_file_that_is_cut_off_gives_what_was_whole(self, tmp_path):
        whole = warc(tmp_path / "a.warc.gz", *(good(n, PAGE * 50 + str(n)) for n in range(10))).read_bytes()
        (tmp_path / "a.warc.gz").write_bytes(whole[:-40])
        found = entries(tmp_path / "a.warc.gz")
        assert [entry.article.url for entry in found if entry.article] == [URL.format(n) for n in range(9)]
        assert problems(found) == ["unreadable: is cut off: the compressed data end too early"]

    def test_a_plain_file_that_is_cut_off_gives_no_half_article(self, tmp_path):
        whole = warc(tmp_path / "a.warc", good(1), good(2), gzipped=False).read_bytes()
        (tmp_path / "a.warc").write_bytes(whole[:-30])
        found = entries(tmp_path / "a.warc")
        assert [entry.article.url for entry in found if entry.article] == [URL.format(1)]
        assert problems(found) == ["broken-record: the file ends within it"]

    def test_a_wrong_length_is_named(self, tmp_path):
        file = warc(tmp_path / "a.warc", good(1), good(2), gzipped=False)
        data = file.read_bytes()
        length = data.split(b"Content-Length: ")[2].split(b"\r\n")[0]
        file.write_bytes(data.replace(b"Content-Length: " + length, b"Content-Length: %d" % (int(length) - 9), 1))
        found = entries(file)
        assert problems(found)
        assert URL.format(1) not in {entry.article.url for entry in found if entry.article}

    def test_a_record_that_does_not_say_its_length_ends_the_file(self, tmp_path):
        file = warc(tmp_path / "a.warc", good(1), good(2), good(3), gzipped=False)
        data = file.read_bytes()
        at = data.rindex(b"Content-Length")
        file.write_bytes(data[:at] + b"Content-Width" + data[at + len(b"Content-Length") :])
        found = entries(file)
        assert len([entry for entry in found if entry.article]) == 2
        assert problems(found) == ["unreadable: record 4 does not say how long it is (Content-Length)"]

    @pytest.mark.parametrize("content", [b"", b"no warc at all\n" * 100, gzip.compress(b"words " * 100)])
    def test_what_is_no_warc(self, tmp_path, content):
        (tmp_path / "a.warc").write_bytes(content)
        found = entries(tmp_path / "a.warc")
        assert [entry for entry in found if entry.article] == []
        assert bool(problems(found)) == bool(content)

    def test_memory_does_not_grow_with_the_file(self, tmp_path):
        file = warc(tmp_path / "a.warc.gz", *(good(n, PAGE * 5000) for n in range(60)))
        tracemalloc.start()
        try:
            for _ in read(file):
                pass
            assert tracemalloc.get_traced_memory()[1] < 10 * len(PAGE) * 5000
        finally:
            tracemalloc.stop()

    def test_a_huge_record_among_many_is_refused_without_being_held(self, tmp_path, monkeypatch):
        monkeypatch.setattr("claimstream.publishing.archives.warc.MAX_BYTES", 100_000)
        huge = ("response", URL.format(0), "200 OK", "text/html", b"x" * 30_000_000)
        file = warc(tmp_path / "a.warc", good(1), huge, good(2), gzipped=False)
        tracemalloc.start()
        try:
            found = entries(file)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()
        assert [entry.article.url for entry in found if entry.article] == [URL.format(1), URL.format(2)]
        assert problems(found)[0].startswith("too-large: ")
