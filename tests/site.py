"""A small news site that exists only in tests, and archives of it."""

import http.server
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

STORIES = 200
PER_PAGE = 20
PLACES = ("Kessel", "Tarn", "Orsk", "Lorn", "Vell")
PEOPLE = ("Jaro Mlinar", "Ada Brook", "Sanna Tiel", "Petr Dorin")


def story(n: int) -> str:
    """A page with navigation, an article and a footer. Each fourth has two statements; the others are notices."""
    place, person = PLACES[n % len(PLACES)], PEOPLE[n % len(PEOPLE)]
    report = f"""<p>The ferry number {n} will sail from {place} again next week, the harbour master, {person}, said on
Monday, after the engineers had looked at both of its engines and at the hull.</p>
<p>The “old” pier stays closed for the winter because its planks are rotten – the shipping company denied that it had
known of the damage for {n + 2} years before the divers found it.</p>"""
    notice = f"<p>Ferry {n} sails, the harbour master said.</p>"
    return f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Ferry {n} sails | Lorn Post</title>
<meta property="article:published_time" content="2026-09-{n % 28 + 1:02}T08:00:00Z"></head>
<body><nav><a href="/">Home</a> <a href="/sport">Sport</a></nav>
<article><h1>Ferry {n} of {place} sails again</h1>
{report if n % 4 == 0 else notice}</article>
<footer>© Lorn Post 2026. All rights reserved.</footer></body></html>"""


def path(n: int) -> str:
    return f"/news/{n}.html"


def front_page(number: int) -> str:
    stories = range(number * PER_PAGE, (number + 1) * PER_PAGE)
    links = "".join(f'<li><a class="story" href="{path(n)}?utm_source=front">Ferry {n}</a></li>' for n in stories)
    more = f'<a class="next" href="/page/{number + 1}">More</a>' if stories.stop < STORIES else ""
    return f"<!doctype html><html><body><ul>{links}</ul>{more}</body></html>"


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        where = self.path.partition("?")[0]
        if where.startswith("/news/"):
            page = story(int(where.removeprefix("/news/").removesuffix(".html")))
        elif where == "/" or where.startswith("/page/"):
            if where == "/page/5":
                self.server.halfway()  # type: ignore[attr-defined]
            page = front_page(int(where.removeprefix("/page/").strip("/") or 0))
        else:
            self.send_error(404)
            return
        body = page.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(halfway: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serve the site; yield its address. `halfway` is called before the half of its stories can be found."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        server.halfway = halfway  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def warc(path, *records, gzipped=True):
    """Write records: (kind, url, status line, content type, body)."""
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=gzipped)
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "a test"}))
        for kind, url, status, content_type, body, *more in records:
            headers = StatusAndHeaders(status, [("Content-Type", content_type)], protocol="HTTP/1.1")
            writer.write_record(
                writer.create_warc_record(
                    url,
                    kind,
                    payload=io.BytesIO(body),
                    http_headers=headers,
                    warc_headers_dict={"WARC-Date": "2026-09-14T08:00:00Z", **dict(more)},
                )
            )
    return path
