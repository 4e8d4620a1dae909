"""How a page is made: templates, the words of two languages, and the fields that guard it.

A template says words of ours with `_("...")`, looked up in the catalogue and filled with numbers and
words of ours only. What anybody else has chosen passes through `theirs`: escaped, one line, cut in
length, in quotation marks that it cannot close, its reading direction kept from what stands around it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from ledger.chain.trust import fingerprint
from ledger.court.page import verifier_page as built_page
from ledger.errors import NotFound
from ledger.language import CHINESE, LANGUAGES, at, beijing, tr, utc
from ledger.notary.desk.words import action, role, thing
from ledger.quoted import Words, in_fours, quoted

from ..requests import service
from .office import words
from .visitors import LANGUAGE, language_of

_HERE = Path(__file__).parent
STYLE = (_HERE / "portal.css").read_bytes()
STYLE_VERSION = sha256(STYLE).hexdigest()[:12]
SCRIPT = (_HERE / "office.js").read_bytes()
SCRIPT_VERSION = sha256(SCRIPT).hexdigest()[:12]

_GUARD = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_VARY = "accept, accept-language, cookie"
_YEAR = 31_536_000
_MAX_QUERY = 8
"""Parameters that the links to the other language carry on."""


def page(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    scripts: bool = False,
    **values: Any,
) -> Response:
    """Return a page in the visitor's language; unless `headers` says otherwise nobody keeps it.

    With `scripts` the page may run scripts from this service; without, none at all.
    """
    language = language_of(request)
    site = _site(request) | {"status": status, "language": language}
    site["others"] = _others(request, language)
    body = _ENVIRONMENT.get_template(template).render(site | values)
    response = Response(body, status, media_type="text/html; charset=utf-8")
    response.headers.update({"cache-control": "no-store", **(headers or {})})
    response.headers.update(guard(scripts=scripts))
    response.headers["content-language"] = language
    response.headers["vary"] = _VARY
    if request.query_params.get(LANGUAGE) == language:
        response.set_cookie(LANGUAGE, language, _YEAR, httponly=True, samesite="lax")
    return response


def unchanged(request: Request, state: object) -> tuple[dict[str, str], Response | None]:
    """Return the field ETag of a page that shows `state`, and the answer to who has it already."""
    seen = (state, str(request.url.query), language_of(request), STYLE_VERSION, _site(request))
    tag = f'W/"{sha256(repr(seen).encode()).hexdigest()[:24]}"'
    asked = [each.strip() for each in request.headers.get("if-none-match", "").split(",")]
    headers = {"etag": tag, "vary": _VARY}
    return headers, Response(status_code=304, headers=headers) if tag in asked else None


def guard(*, scripts: bool = False) -> dict[str, str]:
    """Return the header fields that keep a page from loading, sending or framing anything foreign."""
    policy = f"{_POLICY}; script-src 'self'; connect-src 'self'" if scripts else _POLICY
    return {**_GUARD, "content-security-policy": policy}


def _site(request: Request) -> dict[str, Any]:
    """Return what every page shows of the service."""
    notary = service(request).notary
    return {
        "issuer": notary.issuer,
        "origin": notary.origin,
        "trust_fingerprint": fingerprint(notary.trust),
        "style": f"/portal.css?v={STYLE_VERSION}",
        "script": f"/office.js?v={SCRIPT_VERSION}",
        "path": request.url.path,
        "verifier": verifier_page() is not None,
    }


@lru_cache(maxsize=1)
def verifier_page() -> bytes | None:
    """Return the offline verifier page, where the package holds it."""
    with suppress(NotFound):
        return built_page()
    return None


def _others(request: Request, language: str) -> list[tuple[str, str]]:
    """Return the other languages, each with the address of this page in it."""
    repeatable = request.method in ("GET", "HEAD")
    query = request.query_params.multi_items() if repeatable else ()
    kept = [pair for pair in query if pair[0] != LANGUAGE][:_MAX_QUERY]
    chosen = [each for each in LANGUAGES if each != language]
    return [(each, "?" + urlencode([*kept, (LANGUAGE, each)])) for each in chosen]


@pass_context
def _words(context: Context, message: str, **values: int | Words) -> Words:
    return tr(message, context["language"], **values)


def theirs(value: object) -> Markup:
    """Return a value of others, quoted and isolated."""
    return Markup("<bdi class=theirs>{}</bdi>").format(str(quoted(value)))


def named(value: object) -> Markup:
    """Return a short name of others for a place that holds nothing else: one line, isolated."""
    return Markup("<bdi>{}</bdi>").format(quoted(value).inline(40))


def said(value: object) -> Markup:
    """Return words of ours as they are, and anything else as `theirs`."""
    return escape(value) if isinstance(value, Words) else theirs(value)


def digest(value: bytes | str) -> Markup:
    """Return a hash in hexadecimal digits, in groups of four that a narrow page breaks between."""
    text = value.hex() if isinstance(value, bytes) else value
    return Markup("<code class=digest>{}</code>").format(Markup("<wbr>").join(in_fours(text)))


def moment(seconds: float, language: str) -> Words:
    """Return POSIX seconds as a time: in UTC, for readers of Chinese in Beijing."""
    if language != CHINESE:
        return utc(seconds)
    return tr("{time} Beijing time (UTC+8)", language, time=beijing(seconds))


def ago(seconds: float, language: str) -> Words:
    """Return how long ago something was, in words."""
    minutes, hours, days = (int(max(0, seconds) // each) for each in (60, 3600, 86_400))
    if minutes < 1:
        return tr("less than a minute", language)
    if minutes < 120:
        one = tr("one minute", language)
        return one if minutes == 1 else tr("{n} minutes", language, n=minutes)
    if hours < 48:
        return tr("{n} hours", language, n=hours)
    return tr("{n} days", language, n=days)


@pass_context
def when(context: Context, seconds: float) -> Markup:
    """Return POSIX seconds as a time, for people and for programs."""
    found = at(seconds)
    stamp = "" if found is None else found.strftime("%Y-%m-%dT%H:%M:%SZ")
    words = moment(seconds, context["language"])
    return Markup('<time datetime="{}">{}</time>').format(stamp, words)


@pass_context
def _ago(context: Context, seconds: float) -> Words:
    return ago(seconds, context["language"])


def count(number: int) -> Words:
    """Return a number with its thousands apart."""
    return Words(f"{number:,}")


def _in_language(say: Callable[[str, str], str]) -> Callable[[Context, str], str]:
    """Return what says a name of ours as a filter, in the page's language."""

    @pass_context
    def filtered(context: Context, name: str) -> str:
        return say(name, context["language"])

    return filtered


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["_"] = _words
    for say in (role, action, thing, words.state, words.reason):
        made.filters[say.__name__] = _in_language(say)
    made.filters.update(
        theirs=theirs, named=named, said=said, digest=digest, when=when, ago=_ago, count=count
    )
    return made


_ENVIRONMENT = _environment()
