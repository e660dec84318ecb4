"""Deterministic ids: the same article, claim and content have the same id in every process and every run."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

TRACKING = re.compile(
    r"^(utm_\w+|at_(medium|campaign\w*|custom\w*|link_\w+|ptr_\w+|bbc_\w+|format)|mtm_\w+|pk_\w+|ns_\w+|guc\w+"
    r"|fbclid|gclid|gclsrc|gbraid|wbraid|dclid|msclkid|yclid|twclid|ttclid|igshid|igsh|srsltid|_ga|_gl|mc_[ce]id|_hs\w+"
    r"|mkt_tok|vero_id|oly_\w+_id|spm|trk|xtor|wt\.mc_\w+|ref|ref_src|ref_url|referrer|source_ref|cmp|cmpid|icid|ocid|ito"
    r"|__twitter_impression|spref|ncid|s_cid|sr_share|ftcamp|gaa_\w+|wt_\w+|fb_(action_\w+|comment_id|ref|source)"
    r"|smid|smtyp|soc_src|soc_trk|ftag|taid|partner|sh|share|amp|output|outputtype|phpsessid|jsessionid)$",
    re.IGNORECASE,
)
"""Query parameters that tell where a reader came from, or how to lay the page out, not which article it is."""
AMP_CACHE = re.compile(
    r"^https?://([\w-]+\.cdn\.ampproject\.org/[a-z]|www\.google\.[a-z.]+/amp)/(s/)?(?=[^/]+\.)", re.IGNORECASE
)
"""Addresses at which a copy of an AMP page is kept; behind them stands the address of the page."""
_ESCAPED = re.compile(r"%([0-9a-fA-F]{2})")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")


@lru_cache(maxsize=1024)  # asked for at the check, and again for the id
def canonical_url(url: str) -> str:
    """One spelling for the addresses under which an article is met: https, no www or AMP, no tracking, no fragment.

    Raises ValueError if `url` is no absolute http(s) address.
    """
    parts = urlsplit(AMP_CACHE.sub(r"https://", url.strip()))
    host = _ascii(parts.hostname or "").rstrip(".")
    if parts.scheme.lower() not in {"http", "https"} or not host or re.search(r"\s", host):
        raise ValueError("must be an absolute http or https address")
    host = re.sub(r"^((www\d?|amp|m|mobile)\.)+(?=.+\.)", "", host)
    port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    path = re.sub(r"/{2,}", "/", re.sub(r";jsessionid=[^/]*", "", parts.path, flags=re.IGNORECASE))
    path = re.sub(r"\.amp(?=\.html?$)", "", re.sub(r"^(/amp)+(?=/.)", "", path))
    path = re.sub(r"(/amp|\.amp)*/?$", "", path)
    query = urlencode(sorted(p for p in parse_qsl(parts.query, keep_blank_values=True) if not TRACKING.match(p[0])))
    return f"https://{host}{port}{_escaped(path)}" + (f"?{query}" if query else "")


def _escaped(path: str) -> str:
    """Percent-encode what needs it and nothing else (RFC 3986, 6.2.2)."""

    def normal(escape: re.Match[str]) -> str:
        character = chr(int(escape[1], 16))
        return character if character in _UNRESERVED else escape[0].upper()

    return quote(_ESCAPED.sub(normal, path), safe="%/:@!$&'()*+,;=~-._", errors="surrogatepass")


def site_of(url: str) -> str:
    """The host of an address, without www."""
    return re.sub(r"^www\d?\.", "", _ascii(urlsplit(url).hostname or "").lower())


def _ascii(host: str) -> str:
    """The host as the DNS knows it: xn--... where it is written in other letters."""
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:  # what is no proper name stays as it is
        return host


def digest(*parts: str) -> str:
    """128 bits of SHA-256 over `parts`, as 32 hex digits; the separator keeps ("ab", "c") and ("a", "bc") apart."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
