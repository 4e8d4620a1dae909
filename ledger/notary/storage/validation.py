"""Validation data: certificates and revocation lists that check tokens, as files named by SHA-256.

Of each issuer the last list of every month is kept: a list may leave out certificates that have
expired, so those that are older still say what a newer one does not.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from cryptography import x509

from ledger.chain.receipt import MAX_VALIDATION_ITEMS
from ledger.chain.renewal.record import parse_stamp
from ledger.chain.timestamp.revocation import parse_validation
from ledger.disk.wholefiles import WholeFiles
from ledger.errors import MalformedData, TooLarge

FOLDER = "validation"

MAX_LIST = 128 << 10
"""Bytes of a revocation list."""
MAX_PACKED = 384 << 10
"""Bytes of validation data in a receipt, which may have 1 MiB in all."""


@dataclass(frozen=True, slots=True)
class _List:
    """A list that is kept: who issued it, for which part of the certificates, and when."""

    file: str
    issuer: x509.Name
    part: bytes
    crl: x509.CertificateRevocationList

    @property
    def month(self) -> tuple[x509.Name, bytes, int, int]:
        """What it is the last one of."""
        return self.issuer, self.part, self.crl.last_update_utc.year, self.crl.last_update_utc.month


class ValidationStore:
    """The validation data of a notary. One thread adds, any may read. Methods raise StorageFailed."""

    def __init__(self, files: WholeFiles) -> None:
        self._files = files
        self._lists: dict[str, _List] = {}
        self._certificates: dict[str, x509.Certificate] = {}
        for name in files.names():
            with suppress(MalformedData, TooLarge):
                self._know(name, files.read(name) or b"")

    def add(self, data: bytes) -> None:
        """Keep a certificate or a list, durably. Raises MalformedData, TooLarge."""
        name = sha256(data).hexdigest()
        if name in self._lists or name in self._certificates:
            return
        parse_validation(data)
        self._files.write(name, data)
        self._know(name, data)
        new = self._lists.get(name)
        if new is None:
            return
        same = [each for each in self._lists.values() if each.month == new.month]
        newest = max(same, key=lambda each: each.crl.last_update_utc)
        for each in same:
            if each is not newest:
                del self._lists[each.file]
                self._files.remove(each.file)

    def pick(self, stamps: Iterable[bytes]) -> tuple[bytes, ...]:
        """Return what checks tokens or evidence records (DER): what they do not bring themselves.

        That are certificates on the way, and for each certificate its issuer's newest list from before
        it expired.
        """
        certificates = list(self._certificates.items())
        todo = list(dict.fromkeys(each for stamp in stamps for each in _certificates(stamp)))
        known, names = set(todo), dict[str, None]()
        for each in todo:
            for name, above in certificates:
                if above.subject == each.issuer and above not in known:
                    known.add(above)
                    names[name] = None
                    todo.append(above)
            if each.subject != each.issuer:
                names |= dict.fromkeys(self._newest(each))
        return self._bounded(names)

    def _newest(self, certificate: x509.Certificate) -> list[str]:
        """Return its issuer's newest list of each part from before a certificate expired."""
        newest: dict[bytes, _List] = {}
        for each in list(self._lists.values()):
            time = each.crl.last_update_utc
            if each.issuer == certificate.issuer and time <= certificate.not_valid_after_utc:
                old = newest.get(each.part)
                if old is None or old.crl.last_update_utc < time:
                    newest[each.part] = each
        return [each.file for each in newest.values()]

    def _know(self, name: str, data: bytes) -> None:
        item = parse_validation(data)
        if isinstance(item, x509.Certificate):
            self._certificates[name] = item
        elif isinstance(item, x509.CertificateRevocationList):
            self._lists[name] = _List(name, item.issuer, _part(item), item)

    def _bounded(self, names: Iterable[str]) -> tuple[bytes, ...]:
        found: list[bytes] = []
        left = MAX_PACKED
        for name in names:
            data = self._files.read(name)
            if data is None:  # a newer list has just taken its place
                continue
            if len(data) <= left and len(found) < MAX_VALIDATION_ITEMS:
                found.append(data)
                left -= len(data)
        return tuple(found)


def _part(crl: x509.CertificateRevocationList) -> bytes:
    try:
        scope = crl.extensions.get_extension_for_class(x509.IssuingDistributionPoint).value
    except (x509.ExtensionNotFound, ValueError):
        return b""
    return scope.public_bytes()


@lru_cache(maxsize=256)
def _certificates(stamp: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates that the tokens of a record bring, as far as they can be read."""
    found: list[x509.Certificate] = []
    for chain in parse_stamp(stamp).chains:
        for each in chain:
            for data in each.token.certificates:
                with suppress(MalformedData):
                    item = parse_validation(data)
                    if isinstance(item, x509.Certificate) and item not in found:
                        found.append(item)
    return tuple(found)
