"""The doctor's questions to others: witnesses, timestamp authorities, the portal, the service itself.

All are asked side by side, each with a deadline. A witness is offered the newest checkpoint as if it
had seen none, and answers with what it has cosigned; an authority stamps random bytes.
"""

import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from hashlib import sha256
from os import urandom
from urllib.parse import urlsplit

from ledger.chain.policy import by_address
from ledger.chain.witnessing import ADD, format_request
from ledger.errors import InvalidInput, SealbookError
from ledger.notary.anchoring.authorities import read_authority, read_chain, stamp
from ledger.notary.anchoring.witnesses import said_size
from ledger.notary.care.doctor import Case, Check, Diagnosis, Level
from ledger.notary.care.looking import DAY, newest, options
from ledger.notary.clock import TOLERANCE
from ledger.notary.desk.address import NotHere, origin_of
from ledger.notary.options import Serving, serving
from ledger.notary.selfcheck import SEAL_WARNING, read_trust
from ledger.notary.storage.directory import TimestampSettings
from ledger.quoted import quoted
from ledger.wire.web import Answer, get, post

MAX_ANSWER = 64 << 10
TLS_WARNING = 14
"""Days before the portal's certificate runs out that somebody is told."""
NEARBY = 3.0
"""Seconds for the service itself, and for connecting to the portal once more."""


def others(case: Case, *, is_served: bool = False) -> Iterator[Check]:
    """Yield the checks of those that the notary depends on, each of its own.

    Where it `is_served`, nobody at the service's port is a fault; otherwise it may just not be started.
    """
    yield "portal", partial(_portal, case)
    yield "service", partial(_service, case, Level.MEND if is_served else Level.LOOK)
    for settings in case.settings.timestamps:
        yield "authorities", partial(_authority, settings)
    if not case.settings.timestamps:
        yield "authorities", partial(iter, _NO_AUTHORITY)
    with suppress(InvalidInput):  # told by who looks at the keys
        _, trust = read_trust(case.directory / case.settings.trust_file)
        urls = list(by_address(trust.policy))
        for url in urls:
            yield "witnesses", partial(_witness, case, url)
        if not urls:
            yield "witnesses", partial(iter, _NO_WITNESS)


_NO_WITNESS = (
    Diagnosis(
        "witnesses",
        Level.LOOK,
        "Nobody but the notary watches that its ledger has one history.",
        "Ask another institution to run a witness: docs/operate.md under A witness.",
    ),
)
_NO_AUTHORITY = (
    Diagnosis(
        "authorities",
        Level.LOOK,
        "Nobody but the notary says when its entries existed.",
        "Add a timestamp authority: docs/operate.md under Witnesses and timestamps.",
    ),
)


def _witness(case: Case, url: str) -> Iterator[Diagnosis]:
    _, last = newest(case)
    try:
        answer = post(url + ADD, format_request(0, (), last.note))
    except SealbookError as error:
        yield Diagnosis("witnesses", Level.MEND, str(error), "Ask who runs it.")
        return
    yield _witnessed(url, answer, last.size)


def _witnessed(url: str, answer: Answer, size: int) -> Diagnosis:
    seen = said_size(answer)
    if seen is None:
        return Diagnosis(
            "witnesses",
            Level.MEND,
            f"{quoted(url)} answers with status {answer.status}, as no witness of this ledger does.",
            "Compare the address in the trust file; ask who runs it.",
        )
    if seen > size:
        return Diagnosis(
            "witnesses",
            Level.MEND,
            f"The witness {quoted(url)} has cosigned {seen} entries, and here are only {size}.",
            "Stop the service: this directory is an old copy, or another notary signs with its keys.",
        )
    return Diagnosis(
        "witnesses", Level.OK, f"The witness {quoted(url)} answers; it has cosigned {seen} entries."
    )


def _authority(settings: TimestampSettings) -> Iterator[Diagnosis]:
    asked = time.time()
    try:
        authority, chain = read_authority(settings), read_chain(settings)
        imprint = sha256(urandom(32)).digest()
        token = stamp(settings.url, authority, imprint, urandom, lambda _: chain)
    except InvalidInput as error:
        yield Diagnosis("authorities", Level.MEND, str(error))
        return
    except SealbookError as error:
        name = quoted(settings.name)
        yield Diagnosis(
            "authorities",
            Level.MEND,
            f"The timestamp authority {name} gives no token that holds: {quoted(error)}",
            "Ask who runs it; compare its root, chain and policy in notary.toml.",
        )
        return
    yield Diagnosis(
        "authorities", Level.OK, f"The timestamp authority {quoted(settings.name)} stamps."
    )
    apart = max(token.earliest - time.time(), asked - token.latest)
    if apart > TOLERANCE:
        yield Diagnosis(
            "clock",
            Level.MEND,
            f"The clock is {apart:.0f} s away from that of the authority {quoted(settings.name)}.",
            "Compare it with a third one, and set right what is wrong.",
        )
    days = int((token.expires - asked) // DAY)
    if token.expires - asked < SEAL_WARNING:
        yield Diagnosis(
            "authorities",
            Level.LOOK,
            f"The certificates of the authority {quoted(settings.name)} run out in {days} days.",
            "Ask for its new ones; put its new root into notary.toml and the trust file.",
        )


def _portal(case: Case) -> Iterator[Diagnosis]:
    url = case.settings.portal
    if url is None:
        yield Diagnosis(
            "portal",
            Level.LOOK,
            "No portal is named, so certificates carry no address, and nobody signs in from elsewhere.",
            'Name it in notary.toml: portal = "https://notary.example".',
        )
        return
    try:
        origin_of(url)
    except NotHere as error:
        yield Diagnosis(
            "portal",
            Level.MEND,
            str(error),
            "Let a proxy with a certificate stand before the service, and name its https:// address.",
        )
    try:
        answer = get(url.rstrip("/") + "/health", MAX_ANSWER, public=False)
    except SealbookError as error:
        yield Diagnosis(
            "portal", Level.MEND, str(error), "Look at the proxy, its certificate and the name."
        )
        return
    if _origin(answer) != case.settings.origin:
        yield Diagnosis(
            "portal",
            Level.MEND,
            f"{quoted(url)} does not lead to this ledger.",
            "Compare portal in notary.toml with what the proxy passes on.",
        )
        return
    yield Diagnosis("portal", Level.OK, f"{quoted(url)} leads to this ledger.")
    days = _certificate_days(url)
    if days is not None and days < TLS_WARNING:
        yield Diagnosis(
            "portal",
            Level.LOOK,
            f"The certificate of {quoted(url)} runs out in {days} days.",
            "Renew it at the proxy.",
        )


def _certificate_days(url: str) -> int | None:
    """Return for how many days more an https address shows a valid certificate."""
    parts = urlsplit(url)
    if parts.scheme != "https":
        return None
    with suppress(OSError, ValueError):
        context, address = ssl.create_default_context(), (str(parts.hostname), parts.port or 443)
        with (
            socket.create_connection(address, NEARBY) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as connection,
        ):
            until = ssl.cert_time_to_seconds(str((connection.getpeercert() or {})["notAfter"]))
            return int((until - time.time()) // DAY)
    return None


def _service(case: Case, nobody: Level) -> Iterator[Diagnosis]:
    try:
        served = serving(options(case))
    except InvalidInput:
        return  # told by who looks at the settings
    here = _url(served)
    try:
        answer = get(here + "/health", MAX_ANSWER, public=False, deadline=NEARBY)
    except SealbookError:
        yield _unanswered(served, here, nobody)
        return
    if _origin(answer) != case.settings.origin:
        yield Diagnosis(
            "service",
            Level.MEND,
            f"Something else than this notary answers at {quoted(here)}.",
            "Stop it, or choose another port in notary.toml.",
        )
        return
    reasons = _said(answer).get("reasons")
    for reason in reasons if isinstance(reasons, list) else ():
        yield Diagnosis(
            "service",
            Level.MEND,
            f"The service enters nothing now: {quoted(reason)}.",
            "See `sealbook notary status`, and docs/operate.md under What the notary doubts.",
        )
    if not reasons:
        yield Diagnosis("service", Level.OK, f"The service answers at {quoted(here)}.")


def _unanswered(served: Serving, here: str, nobody: Level) -> Diagnosis:
    try:
        with socket.create_connection((_reachable(served.host), served.port), NEARBY):
            pass
    except OSError:
        return Diagnosis(
            "service",
            nobody,
            f"Nothing answers at {quoted(here)}.",
            "Start the service; where it runs at another port, put that into notary.toml.",
        )
    return Diagnosis(
        "service",
        Level.MEND,
        f"What listens at {quoted(here)} does not answer as a notary.",
        "Stop it, or look in the log why the service hangs.",
    )


def _url(served: Serving) -> str:
    host = _reachable(served.host)
    return f"http://[{host}]:{served.port}" if ":" in host else f"http://{host}:{served.port}"


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what it is not bound to


def _said(answer: Answer) -> dict[str, object]:
    with suppress(ValueError, RecursionError):
        value = json.loads(answer.body)
        if isinstance(value, dict):
            return value
    return {}


def _origin(answer: Answer) -> object:
    return _said(answer).get("origin")
