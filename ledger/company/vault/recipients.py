"""For whom a vault seals: `recipients.txt`, which any age tool reads as a recipients file.

    age1pq1...                          the vault's own identity
    age1pq1...                          the recovery sheet, if there is one
    # officer 1795000000 Anna Li        since when (POSIX seconds, this computer's clock), the name
    age1pq1...
    # withdrawn 1795000000 age1pq1... Bo Chen

Unnamed recipients are the vault's own and stay. Other comment lines are left out when it is written
again. A withdrawn recipient gets nothing more, also where a rule of capture still names it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256

from ledger.crypto.recipients import HybridRecipient, Recipient, parse_recipient
from ledger.errors import Conflict, InvalidInput, MalformedData, NotFound
from ledger.quoted import quoted

MAX_OFFICERS = 24
"""With the vault's own recipients and those of a rule, what a notary's limit on headers holds."""
MAX_NAME = 80
"""Characters of an officer's name."""
OFFICER_NAME = "officer"
"""Where a manifest's provenance names recipients that a rule of capture added: `officer-1`, .."""

_OFFICER, _WITHDRAWN = "# officer ", "# withdrawn "


@dataclass(frozen=True, slots=True)
class Officer:
    """A person with a key. `since` is when the entry was made, POSIX seconds."""

    name: str
    recipient: str
    since: int


@dataclass(frozen=True, slots=True)
class Recipients:
    """What recipients.txt says; recipients are texts, `age1...`."""

    own: tuple[str, ...]
    officers: tuple[Officer, ...] = ()
    withdrawn: tuple[Officer, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """For whom every deposit is sealed."""
        return (*self.own, *(each.recipient for each in self.officers))

    @property
    def state(self) -> str:
        """A fingerprint of whom headers are written for: what a deposit notes once it is up to date."""
        gone = sorted(each.recipient for each in self.withdrawn)
        return sha256("\n".join([*sorted(self.all), "", *gone]).encode()).hexdigest()[:16]

    def sealed_for(self, extra: Iterable[str]) -> tuple[str, ...]:
        """Return everybody for whom a deposit is sealed that was made for `extra` besides."""
        barred = {each.recipient for each in self.withdrawn}
        found = dict.fromkeys(self.all)
        found.update(dict.fromkeys(each for each in extra if each not in barred))
        return tuple(found)


@lru_cache(maxsize=4)
def parse_recipients(text: str) -> Recipients:
    """Return what a recipients.txt says. Raises MalformedData."""
    own: list[str] = []
    officers: list[Officer] = []
    withdrawn: list[Officer] = []
    pending: tuple[int, str] | None = None
    for line in text.splitlines():
        if line.startswith(_OFFICER):
            since, _, name = line.removeprefix(_OFFICER).partition(" ")
            pending = _since(since), name
        elif line.startswith(_WITHDRAWN):
            since, _, rest = line.removeprefix(_WITHDRAWN).partition(" ")
            recipient, _, name = rest.partition(" ")
            withdrawn.append(Officer(name, recipient, _since(since)))
        elif line.strip() and not line.startswith("#"):
            parse_recipient(line.strip())
            if pending is None:
                own.append(line.strip())
            else:
                officers.append(Officer(pending[1], line.strip(), pending[0]))
            pending = None
    return Recipients(tuple(own), tuple(officers), tuple(withdrawn))


def format_recipients(recipients: Recipients) -> str:
    """Return the text of recipients.txt; `parse_recipients` reads it back."""
    lines = list(recipients.own)
    for each in recipients.officers:
        lines += [f"{_OFFICER}{each.since} {each.name}", each.recipient]
    lines += [
        f"{_WITHDRAWN}{each.since} {each.recipient} {each.name}" for each in recipients.withdrawn
    ]
    return "".join(f"{line}\n" for line in lines)


def check_name(name: str) -> str:
    """Return the name of an officer, trimmed. Raises InvalidInput for one that could mislead."""
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable() or name.startswith("age1"):
        raise InvalidInput(f"An officer's name is one line of 1 to {MAX_NAME} visible characters.")
    return name


def with_officer(recipients: Recipients, name: str, recipient: str, now: int) -> Recipients:
    """Return the list with an officer; the same list where it has this one already.

    Raises InvalidInput for a key that is not post-quantum or a full list, Conflict for a name or key
    that is taken.
    """
    if not isinstance(parse_recipient(recipient), HybridRecipient):
        raise InvalidInput(
            "This key is a classical one (age1...); deposits are sealed for post-quantum keys only, "
            "age1pq1..., and never for a mixture. `age-keygen -pq` of age 1.3 or newer makes one."
        )
    if recipient in recipients.own:
        raise Conflict("This key is the vault's own or the recovery sheet's; it opens everything.")
    for each in recipients.officers:
        if (each.name, each.recipient) == (name, recipient):
            return recipients
        if each.recipient == recipient:
            raise Conflict(f"This key is already {quoted(each.name)}'s.")
        if each.name.casefold() == name.casefold():
            raise Conflict(
                f"There is an officer called {quoted(each.name)} with another key. Remove that "
                "one first, or "
                "choose another name."
            )
    if len(recipients.officers) == MAX_OFFICERS:
        raise InvalidInput(f"A vault has at most {MAX_OFFICERS} officers.")
    return replace(
        recipients,
        officers=(*recipients.officers, Officer(name, recipient, now)),
        withdrawn=tuple(each for each in recipients.withdrawn if each.recipient != recipient),
    )


def without_officer(
    recipients: Recipients, wanted: str, now: int, named: Callable[[str], bool]
) -> tuple[Recipients, Officer]:
    """Return the list without the officer of this name or key, and the officer.

    `named` tells whether a rule of capture names a key. One that was removed before is found again.
    Raises InvalidInput for the vault's own recipients, NotFound.
    """
    if wanted in recipients.own or wanted.casefold() in ("this vault", "recovery sheet"):
        raise InvalidInput(
            "The vault's own key and the recovery sheet's cannot be removed: without them the deposits "
            "would be lost with an officer's key."
        )
    for each in recipients.officers:
        if wanted == each.recipient or wanted.casefold() == each.name.casefold():
            gone = replace(each, since=now)
            return (
                replace(
                    recipients,
                    officers=tuple(o for o in recipients.officers if o is not each),
                    withdrawn=(*recipients.withdrawn, gone),
                ),
                gone,
            )
    for each in reversed(recipients.withdrawn):
        if wanted == each.recipient or wanted.casefold() == each.name.casefold():
            return recipients, each
    if named(wanted):
        gone = Officer("", wanted, now)
        return replace(recipients, withdrawn=(*recipients.withdrawn, gone)), gone
    raise NotFound(
        f"There is no officer called {quoted(wanted)}; `sealbook officer list` shows them."
    )


@lru_cache(maxsize=64)
def parsed(recipients: tuple[str, ...]) -> tuple[Recipient, ...]:
    """Return the recipients that the texts name."""
    return tuple(map(parse_recipient, recipients))


def _since(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise MalformedData("a line of recipients.txt does not say since when")
    return int(text)
