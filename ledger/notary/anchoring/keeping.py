"""Keeping tokens: what they are checked with is fetched, and they are renewed before they run out.

    each day: tokens ─► their certificates ─► revocation lists ─► files named by hash ─► receipts
              tokens that stand for less than a year ─► one hash tree ─► a new token ─► anchors.sqlite

A revocation list is taken from where a certificate says that it lies, and from where the office says.
Renewing is what anybody can do with a file (RFC 4998), done here for many tokens at once.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from hashlib import sha512

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm

from ledger.chain.note import first_lines
from ledger.chain.renewal.record import format_record, parse_stamp
from ledger.chain.renewal.renewing import ALGORITHM, plan_renewal, renew
from ledger.chain.renewal.tree import Tree
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.revocation import parse_validation
from ledger.chain.timestamp.verifying import KeyLost, NotTrusted, VerifiedToken, verify_token
from ledger.errors import SealbookError, Unavailable, VerificationFailed
from ledger.notary.anchoring.authorities import stamp, stamp_of
from ledger.notary.clock import ClockWatch
from ledger.notary.ports import Stamp, Step
from ledger.notary.storage.anchors import AnchorDatabase
from ledger.notary.storage.directory import TimestampSettings
from ledger.notary.storage.validation import MAX_LIST, ValidationStore
from ledger.quoted import Message, quoted
from ledger.wire.web import get

DAY, HOUR = 86_400, 3_600
RENEW_BEFORE = 365 * DAY
"""Seconds before a token's certificates end in which it is renewed."""
BATCH = 4_096
"""Tokens under one new token."""
MAX_POINTS = 4
"""Places that are asked for one certificate's lists."""

_log = logging.getLogger("sealbook.notary")


class Keeping:
    """Fetches lists and renews tokens in the background, from `start` to `close`."""

    def __init__(
        self,
        store: AnchorDatabase,
        validation: ValidationStore,
        step: Callable[[Step], AbstractContextManager[None]],
        authorities: Sequence[tuple[TimestampSettings, Authority]],
        watch: ClockWatch,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._validation = validation
        self._step = step
        self._authorities = authorities
        self._watch = watch
        self._random = random
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._troubles: tuple[str, ...] = ()

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._work, name="keeping", daemon=True).start()

    def close(self) -> None:
        """Stop. Whoever has not answered yet is not waited for."""
        with self._lock:
            self._stop.set()

    def words(self) -> tuple[str, ...]:
        """Say what could not be fetched or renewed, a line each."""
        return self._troubles

    def _work(self) -> None:
        while True:
            troubles = tuple(dict.fromkeys(self.look()))
            for each in troubles:
                if each not in self._troubles:
                    _log.warning("%s", each)
            self._troubles = troubles
            if self._stop.wait(HOUR if troubles else DAY):
                return

    def look(self) -> Iterator[Message]:
        """Fetch and renew what is due; yield what went wrong, in words."""
        for work in (self._fetch, self._renew):
            try:
                yield from work()
            except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again later
                yield _words(error)

    @contextmanager
    def _writing(self, step: Step) -> Iterator[None]:
        """Mark a durable step, during which nobody closes anything."""
        with self._lock:
            if self._stop.is_set():
                raise Unavailable("The notary is being stopped.")
            with self._step(step):
                yield

    # --- validation data ---

    def _fetch(self) -> Iterator[Message]:
        asked: set[str] = set()
        now = int(self._watch.steady())
        for _, known in self._store.signers(now):
            try:
                yield from self._lists(self._verified(known), asked)
                until = self._verified(known).until
            except KeyLost:
                until = now
            except NotTrusted:
                continue  # its authority was taken out of the settings
            if until < known.until:
                with self._writing(Step.VALIDATION):
                    self._store.revoke(known.signer, until)

    def _lists(self, verified: VerifiedToken, asked: set[str]) -> Iterator[Message]:
        """Keep the lists of those who issued a token's certificates."""
        path = tuple(map(x509.load_der_x509_certificate, verified.path))
        named = [
            url
            for settings, _ in self._authorities
            if settings.name == verified.authority
            for url in settings.crls
        ]
        theirs = [url for each in path[:-1] for url in distribution_points(each)[:MAX_POINTS]]
        for url in dict.fromkeys((*named, *theirs)):
            if self._stop.is_set():
                return
            if url in asked:
                continue
            asked.add(url)
            try:
                found = fetch_list(url, path, public=url not in named)
                with self._writing(Step.VALIDATION):
                    self._validation.add(found)
            except (SealbookError, OSError) as error:
                yield f"a revocation list cannot be kept: {_words(error)}"

    def _verified(self, known: Stamp) -> VerifiedToken:
        """Return the last token of a stamp with what is known of its certificates by now."""
        token = parse_stamp(known.entry.der).chains[-1][-1].token
        authorities = [each for _, each in self._authorities]
        validation = self._validation.pick([known.entry.der])
        return verify_token(token, token.imprint, authorities, validation)

    # --- renewal ---

    def _renew(self) -> Iterator[Message]:
        now = int(self._watch.steady())
        while due := self._store.running_out(now, now + RENEW_BEFORE, BATCH):
            plans = {
                known.digest: plan_renewal(
                    parse_stamp(known.entry.der),
                    sha512(first_lines(note, known.entry.lines).encode()).digest(),
                )
                for note, known in due
            }
            tree = Tree(ALGORITHM, [each.leaf for each in plans.values()], self._random(32))
            tokens, troubles = self._stamped(tree.root)
            yield from troubles
            longest = max(tokens, key=lambda each: each.until, default=None)
            if longest is None:
                return
            branches = dict(tree.branches())
            renewed = []
            for _, known in due:
                if longest.latest <= known.until < longest.until:
                    plan = plans[known.digest]
                    record = renew(plan, branches[plan.leaf], longest.token)
                    entry = replace(known.entry, der=format_record(record))
                    renewed.append(stamp_of(known.height, entry, longest, known.digest))
            if not renewed:
                return
            with self._writing(Step.RENEWAL):
                self._store.stamp(renewed)
            _log.info("%d timestamps were renewed by %s", len(renewed), quoted(longest.authority))

    def _stamped(self, imprint: bytes) -> tuple[list[VerifiedToken], list[str]]:
        """Return the tokens of all authorities that give one, and why others do not."""
        tokens, troubles = [], []
        for settings, authority in self._authorities:
            try:
                tokens.append(
                    stamp(settings.url, authority, imprint, self._random, self._validation.pick)
                )
            except SealbookError as error:
                troubles.append(_not_renewed(settings.name, error))
        return tokens, troubles


def distribution_points(certificate: x509.Certificate) -> list[str]:
    """Return where a certificate says that lists of its issuer lie, over HTTP."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = (name for point in points for name in point.full_name or ())
    urls = (name.value for name in names if isinstance(name, x509.UniformResourceIdentifier))
    return [url for url in urls if url.startswith(("http://", "https://"))]


def fetch_list(url: str, issuers: Iterable[x509.Certificate], *, public: bool) -> bytes:
    """Return the revocation list (DER) at a URL, by one of `issuers`.

    `public` is as for `get`. Raises Unavailable, TooLarge, MalformedData and VerificationFailed.
    """
    answer = get(url, MAX_LIST, public=public)
    if answer.status != 200:
        raise Unavailable(f"{quoted(url)} answers with status {answer.status}.")
    found = parse_validation(answer.body)
    if isinstance(found, x509.CertificateRevocationList):
        for each in issuers:
            with suppress(ValueError, TypeError, UnsupportedAlgorithm):
                key = each.public_key()
                if found.issuer == each.subject and found.is_signature_valid(key):  # type: ignore[arg-type]
                    return answer.body
    raise VerificationFailed(f"{quoted(url)} is no list by those who issued the certificates")


def _not_renewed(name: str, error: SealbookError) -> Message:
    return f"renewing by the timestamp authority {quoted(name)}: {_words(error)}"


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, SealbookError) else str(quoted(repr(error)))
