"""Evidence files with something changed: openings, content, members; records beside them, matters.

A change is made where it reaches far: an opening is encoded anew, its ZIP is written anew around it,
members get the names and mostly the sizes that it then asks for. So many cases come to the commitment,
which the reports of both verifiers name.
"""

import random
from collections.abc import Callable, Iterator, Sequence

from ledger.chain.trust import format_trust
from ledger.crypto.padding import padme
from ledger.encoding import cbor_decode, cbor_encode
from ledger.errors import SealbookError
from ledger.evidence.file import _member_names
from ledger.evidence.manifest import parse_manifest
from ledger.evidence.partial import is_partial, parse_partial
from tests.disclosed import members_of, zipped
from tests.page.changing import ODD_NAMES, changed_bytes, changed_value
from tests.page.files import Case, Members, bases
from tests.page.record_corpus import matter_case, record_case


def changed_opening(rng: random.Random, members: Members) -> bytes:
    """The file with an opening changed, mostly with the members that it then asks for."""
    at = rng.choice([n for n, (name, _) in enumerate(members) if name.endswith("opening.cbor")])
    name, data = members[at]
    partial = is_partial(data)
    value = cbor_decode(data if partial else data.rstrip(b"\0"), 1 << 22)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = changed_value(rng, value)
    try:
        encoded = cbor_encode(value)
    except TypeError:
        return zipped(members)
    if not (partial or rng.random() < 0.03):
        encoded = encoded.ljust(padme(len(encoded)), b"\0")
    return zipped(fitted(rng, members, at, name, encoded))


def fitted(rng: random.Random, members: Members, at: int, name: str, encoded: bytes) -> Members:
    """The members with this opening, and after it the content that it asks for."""
    folder = name.split("/")[0] + "/"
    after = [each for each in members[at + 1 :] if each[0].startswith(folder)]
    rest = members[at + 1 + len(after) :]
    try:
        opening = parse_partial(encoded) if is_partial(encoded) else parse_manifest(encoded)
        names = list(_member_names(opening))
        sizes = [size for _, size in opening.contents]
    except (SealbookError, ValueError, AssertionError):
        return [*members[:at], (name, encoded), *after, *rest]
    if rng.random() < 0.03:
        return [*members[:at], (name, encoded), *after, *rest]
    data = [content for _, content in after] + [b""] * len(names)
    content = [
        (
            folder + each,
            have if size > 1 << 20 or rng.random() < 0.05 else have[:size].ljust(size, b"x"),
        )
        for each, have, size in zip(names, data, sizes, strict=False)
    ]
    return [*members[:at], (name, encoded), *content, *rest]


def changed_content(rng: random.Random, members: Members) -> bytes:
    """The file with a member's bytes changed, its checksum made anew or not."""
    at = rng.randrange(1, len(members))
    name, data = members[at]
    new = changed_bytes(rng, data)
    if rng.random() < 0.5:
        return zipped([*members[:at], (name, new), *members[at + 1 :]])
    whole = zipped(members)
    if not data:
        return changed_bytes(rng, whole)
    start = whole.index(name.encode()) + len(name.encode())
    at = start + rng.randrange(len(data))
    return whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :]


def changed_members(rng: random.Random, members: Members) -> bytes:
    """The file with members renamed, moved, doubled, dropped, or a deposit of another file put in."""
    members = list(members)
    at = rng.randrange(len(members))
    name, data = members[at]
    match rng.randrange(8):
        case 0:
            del members[at]
        case 1:
            members.insert(at, members[at])
        case 2:
            other = rng.randrange(len(members))
            members[at], members[other] = members[other], members[at]
        case 3:
            members[at] = (
                (name.rpartition("/")[0] + "/" + (rng.choice(ODD_NAMES) or "_"))[:500],
                data,
            )
        case 4:
            members.insert(
                at,
                (
                    rng.choice(("1/note.txt", "2/", "HOWTO.txt", "1/deposit.receipt", "")),
                    rng.randbytes(3),
                ),
            )
        case 5:
            return renumbered([members, members])
        case _:
            others = [
                members_of(rng.choice(list(bases().values()))[0]) for _ in range(rng.randint(1, 3))
            ]
            return renumbered([members, *others])
    return zipped(members)


def renumbered(files: Sequence[Members]) -> bytes:
    """One file of all deposits of several, some of them without their content."""
    found = [files[0][0]]
    number = 0
    for members in files:
        for name, data in members[1:]:
            _, _, rest = name.partition("/")
            number += rest == "deposit.receipt"
            found.append((f"{number}/{rest}", data))
    return zipped(found)


def without_content(rng: random.Random, members: Members) -> bytes:
    """The file with some deposits' openings and content left out."""
    folders = {name.split("/")[0] for name, _ in members[1:]}
    closed = {each for each in sorted(folders) if rng.random() < 0.6}
    return zipped([
        (name, data) for name, data in members
        if name.split("/")[0] not in closed or name.endswith("deposit.receipt")
    ])  # fmt: skip


CHANGES: tuple[tuple[int, Callable[[random.Random, Members], bytes]], ...] = (
    (60, changed_opening),
    (15, changed_content),
    (12, changed_members),
    (3, without_content),
    (10, lambda rng, members: changed_bytes(rng, zipped(members))),
)


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield every good file, then `count` changed ones: the same for a seed, but for signatures."""
    for name, (data, trust) in bases().items():
        yield Case(name, data, format_trust(trust))
    names = sorted(bases())
    weights = [weight for weight, _ in CHANGES]
    for number in range(count):
        rng = random.Random(f"{seed} {number}")
        if number % 10 == 0:
            yield record_case(rng, number)
        elif number % 25 == 1:
            yield matter_case(rng, number)
        else:
            name = names[number % len(names)]
            data, trust = bases()[name]
            ((_, change),) = rng.choices(CHANGES, weights)
            members = members_of(data)
            if change is changed_opening and not any(
                each.endswith("opening.cbor") for each, _ in members
            ):
                change = changed_members
            yield Case(
                f"{change.__name__} {number} of {name}", change(rng, members), format_trust(trust)
            )
