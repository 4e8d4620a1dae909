"""DKIM (RFC 6376) and ARC (RFC 8617) of a message, checked at capture so that it can be repeated.

A signature proves which domain sent a message only while its key record stands in the DNS, and keys
are replaced. So the record is kept as it was found, with the resolver and the time of the look-up:

    dkim            "2 signatures"; "none"; "not checked: ..."
    dkim-1          "pass d=example.com s=mail a=rsa-sha256" (RFC 8601 result, then what the field says)
    dkim-1-key      "mail._domainkey.example.com TXT v=DKIM1; k=rsa; p=..." or why there is none
    dkim-1-look-up  "192.0.2.53 port 53, 2026-11-23T17:42:31.120Z"
    arc             "pass, 1 set"; "none"; "fail: ..."
    arc-1           "valid d=lists.example s=arc"
    arc-key-1, arc-look-up-1 ...      the key records that the chain asked for

What a sender writes must not keep the check busy: messages that would are "not checked" (the limits
below). All look-ups of one message together take at most `LOOK_UP_PATIENCE`, and while a resolver does
not answer it is left alone, so that it delays one message and not all.
"""

import contextlib
import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Protocol

from ledger.company.capture.config import Provenance
from ledger.company.mail.stating import timestamp
from ledger.company.splitters.headers import plain
from ledger.reading.header import fields, header_end

LOOK_UP_PATIENCE = 1.0
"""Seconds that the look-ups of one message may take: so much they can delay its acceptance."""
RESOLVER_REST = 30.0
"""Seconds for which a resolver that did not answer is not asked again."""
MAX_CHECKED = 16 << 20
"""Bytes of a message: its body is canonicalised whole, in memory."""
MAX_HEADER_CHECKED = 1 << 16
"""Bytes of a header: the library puts folded lines together one by one."""
MAX_FIELDS = 500
"""Fields of a header: the library looks each signed field up among all."""
MAX_SIGNATURE_FIELD = 8192
"""Bytes of a signature's field."""
MAX_KNOWN = 10_000
"""Look-ups that are remembered."""
ABSENT_FOR = 60.0
"""Seconds for which a name without a record is not asked for again."""
MAX_SIGNATURES = 5
MAX_ARC_SETS = 10
MAX_LINES = 500_000
MAX_BLANK_WORK = 200_000_000
"""Steps for runs of blanks: removing them before a line's end takes the square of a run's length."""
MAX_KEY_RECORD = 1024
"""Bytes of a key record; RSA with 4096 bits needs 750. A larger modulus would take minutes."""

_SILENT = logging.getLogger(__name__)
_SILENT.disabled = True  # the library logs domains; they belong into no log
_LONG_BLANKS = re.compile(rb"[ \t]{64,}")
_TAG = re.compile(rb"(?:^|;)\s*([a-z]{1,2})\s*=\s*([^;\s]{0,256})")


class NoAnswer(Exception):
    """The resolver did not answer in time, or said that it cannot."""


@dataclass(frozen=True, slots=True)
class Found:
    """A look-up's outcome. `record` is None where the name has no text record."""

    record: bytes | None
    resolver: str
    at: float


class Resolver(Protocol):
    """Where key records come from."""

    def text(self, name: str, patience: float) -> Found:
        """Return a name's TXT record. Raises NoAnswer."""
        ...


class DnsResolver:
    """The system's resolver, or the ones named; answers are kept as long as their TTL says."""

    def __init__(
        self,
        servers: Sequence[str] = (),
        port: int = 53,
        clock: Callable[[], float] = time.time,
    ) -> None:
        import dns.exception
        import dns.resolver

        self._resolver: dns.resolver.Resolver | None = None
        with contextlib.suppress(dns.exception.DNSException):
            self._resolver = dns.resolver.Resolver(configure=not servers)
            if servers:
                self._resolver.nameservers = list(servers)
                self._resolver.port = port
        self._clock = clock
        self._lock = Lock()
        self._rests_until = 0.0
        self._known: dict[str, tuple[Found, float]] = {}

    def text(self, name: str, patience: float) -> Found:
        """Return a name's TXT record. Raises NoAnswer."""
        now = self._clock()
        with self._lock:
            found, expires = self._known.get(name, (None, 0.0))
            if found is not None and now < expires:
                return found
            if now < self._rests_until:
                raise NoAnswer("the resolver did not answer a moment ago")
        found, expires = self._ask(name, patience)
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[name] = found, expires
        return found

    def _ask(self, name: str, patience: float) -> tuple[Found, float]:
        import dns.exception
        import dns.resolver

        if self._resolver is None:
            raise NoAnswer("this computer has no resolver")
        try:
            answer = self._resolver.resolve(
                name, "TXT", lifetime=patience, search=False, raise_on_no_answer=False
            )
        except dns.resolver.NXDOMAIN:
            now = self._clock()
            servers = ", ".join(map(str, self._resolver.nameservers))
            return Found(None, f"{servers} port {self._resolver.port}", now), now + ABSENT_FOR
        except dns.exception.Timeout as error:
            with self._lock:
                self._rests_until = self._clock() + RESOLVER_REST
            raise NoAnswer(f"no answer within {patience:.1f} s") from error
        except dns.exception.DNSException as error:
            raise NoAnswer(type(error).__name__) from error
        record = next((b"".join(each.strings) for each in answer.rrset or ()), None)
        found = Found(record, f"{answer.nameserver} port {answer.port}", self._clock())
        return found, answer.expiration if record is not None else found.at + ABSENT_FOR


class NoResolver:
    """Asks nobody."""

    def text(self, name: str, patience: float) -> Found:  # noqa: ARG002
        """Raise NoAnswer."""
        raise NoAnswer("look-ups are turned off")


def check_signatures(
    message: bytes, resolver: Resolver, monotonic: Callable[[], float] = time.monotonic
) -> Provenance:
    """Return what a message's DKIM signatures and ARC chain show at this moment. Raises nothing."""
    names = [name for name, _ in fields(message)]
    signatures = [value for name, value in fields(message) if name == b"dkim-signature"]
    sets = names.count(b"arc-seal")
    if not signatures and not sets:
        return (("dkim", "none"), ("arc", "none"))
    unfit = _unfit(message, names, sets)
    if unfit:
        return (("dkim", f"not checked: {unfit}"), ("arc", f"not checked: {unfit}"))
    look_ups = _LookUps(resolver, monotonic)
    return (*_dkim(message, signatures, look_ups), *_arc(message, sets, look_ups))


def _unfit(message: bytes, names: list[bytes], sets: int) -> str:
    """Return why a message would keep the check busy, "" if it would not."""
    if len(message) > MAX_CHECKED:
        return f"larger than {MAX_CHECKED} bytes"
    if header_end(message) > MAX_HEADER_CHECKED or len(names) > MAX_FIELDS:
        return "its header is too long"
    if any(
        len(value) > MAX_SIGNATURE_FIELD
        for name, value in fields(message)
        if name == b"dkim-signature" or name.startswith(b"arc-")
    ):
        return "a signature is too long"
    if sets > MAX_ARC_SETS:
        return f"more than {MAX_ARC_SETS} ARC sets"
    if message.count(b"\n") > MAX_LINES:
        return f"more than {MAX_LINES} lines"
    if sum(len(run) ** 2 for run in _LONG_BLANKS.findall(message)) > MAX_BLANK_WORK:
        return "too many blanks in a row"
    return ""


class _LookUps:
    """The look-ups of one message, all within LOOK_UP_PATIENCE; `dnsfunc` of the library."""

    def __init__(self, resolver: Resolver, monotonic: Callable[[], float]) -> None:
        self._resolver = resolver
        self._monotonic = monotonic
        self._until = monotonic() + LOOK_UP_PATIENCE
        self.made: dict[str, Found | str] = {}

    def __call__(self, name: bytes, timeout: float = 0) -> bytes | None:  # noqa: ARG002
        from dkim import DnsTimeoutError

        text = name.decode("ascii", "backslashreplace").rstrip(".").lower()
        if text not in self.made:
            self.made[text] = self._find(text)
        found = self.made[text]
        if isinstance(found, str):
            raise DnsTimeoutError(found)
        return found.record

    def _find(self, name: str) -> Found | str:
        patience = self._until - self._monotonic()
        if patience <= 0:
            return f"no answer within {LOOK_UP_PATIENCE:.1f} s"
        try:
            found = self._resolver.text(name, patience)
        except NoAnswer as error:
            return str(error)
        if len(found.record or b"") > MAX_KEY_RECORD:
            return f"the key record is longer than {MAX_KEY_RECORD} bytes"
        return found

    def described(self, name: str, number: str) -> Iterator[tuple[str, str]]:
        """Yield a look-up as provenance: the record as found, then resolver and time."""
        match self.made.get(name):
            case Found(record, resolver, at):
                shown = "no record" if record is None else f"TXT {_text(record)}"
                yield number.format("key"), plain(f"{name} {shown}")
                yield number.format("look-up"), plain(f"{resolver}, {timestamp(at)}")
            case str(reason):
                yield number.format("key"), plain(f"{name} not found: {reason}")


def _dkim(message: bytes, signatures: list[bytes], look_ups: _LookUps) -> Iterator[tuple[str, str]]:
    count = len(signatures)
    left_out = f", the first {MAX_SIGNATURES} checked" if count > MAX_SIGNATURES else ""
    yield "dkim", f"{count} signature{'' if count == 1 else 's'}{left_out}"
    for index, field in enumerate(signatures[:MAX_SIGNATURES]):
        tags = {key.decode(): _text(value) for key, value in _TAG.findall(field)}
        name = f"{tags.get('s')}._domainkey.{tags.get('d')}".lower()
        result = _result(partial(_verify, message, index, look_ups), look_ups, name)
        said = " ".join(f"{key}={tags[key]}" for key in ("d", "s", "a", "t", "x") if key in tags)
        yield f"dkim-{index + 1}", plain(f"{result} {said}")
        yield from look_ups.described(name, f"dkim-{index + 1}-{{}}")


def _verify(message: bytes, index: int, look_ups: _LookUps) -> bool:
    from dkim import DKIM

    return bool(DKIM(message, _SILENT).verify(index, look_ups))


def _result(verify: Callable[[], bool], look_ups: _LookUps, name: str) -> str:
    """Return a result as RFC 8601 section 2.7.1 names it, with the reason where there is one."""
    from dkim import DKIMException, ValidationError

    try:
        valid = verify()
    except ValidationError as error:
        return f"fail ({_reason(error)})"
    except DKIMException as error:
        return f"permerror ({_reason(error)})"
    except Exception as error:  # noqa: BLE001 - the library meets hostile input; see the tests
        return f"permerror ({type(error).__name__})"
    if valid:
        return "pass"
    match look_ups.made.get(name):
        case str(reason):
            return f"temperror ({reason})"
        case Found(None):
            return "permerror (no key record)"
    return "fail"


def _arc(message: bytes, sets: int, look_ups: _LookUps) -> Iterator[tuple[str, str]]:
    from dkim import ARC, DKIMException

    if not sets:
        yield "arc", "none"
        return
    before = set(look_ups.made)
    try:
        chain, results, reason = ARC(message, _SILENT).verify(look_ups)
    except DKIMException as error:
        chain, results, reason = b"fail", [], str(error)
    except Exception as error:  # noqa: BLE001 - the library meets hostile input; see the tests
        chain, results, reason = b"fail", [], type(error).__name__
    shown = _text(chain) if chain else "ended"
    yield "arc", plain(f"{shown}, {sets} set{'' if sets == 1 else 's'} ({reason})")
    for each in results:
        valid = "valid" if each.get("as-valid") and each.get("ams-valid") else "not valid"
        domain, selector = (_text(each.get(f"as-{part}", b"")) for part in ("domain", "selector"))
        yield (f"arc-{each['instance']}", plain(f"{valid} d={domain} s={selector}"))
    asked = [name for name in look_ups.made if name not in before]
    for number, name in enumerate(asked, 1):
        yield from look_ups.described(name, f"arc-{{}}-{number}")


def _reason(error: Exception) -> str:
    return plain(str(error))[:200]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
