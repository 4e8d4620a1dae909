"""Quorum recovery: a recovery sheet that any `need` of its holders open together, and nobody alone.

For each group of `need` holders one file, an age file inside an age file, each layer to one recipient:

    sheet-for-anna-and-bo.age = age(age(sheet, bo), anna)

    age -d -i anna.key sheet-for-anna-and-bo.age | age -d -i bo.key > sheet.txt

No secret sharing of our own: any age tool opens it, in the order of the names. The layers may be of
different kinds, since each has one recipient; one post-quantum layer withstands a quantum computer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

from ledger.company.access.recovery import find_printed, find_secret
from ledger.crypto.envelope import encrypt_bytes
from ledger.crypto.recipients import HybridRecipient, Random, parse_recipient
from ledger.errors import InvalidInput

MAX_FILES = 64
"""Groups of holders: 3 of 8 are 56. More files than that nobody keeps in order."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A person who holds an age identity; `name` is part of file names."""

    name: str
    recipient: str

    @property
    def post_quantum(self) -> bool:
        """Whether the key withstands a quantum computer."""
        return isinstance(parse_recipient(self.recipient), HybridRecipient)


def groups(holders: Sequence[Holder], need: int) -> list[tuple[Holder, ...]]:
    """Return every group that is to open the sheet. Raises InvalidInput."""
    names = {each.name.casefold() for each in holders}
    keys = {each.recipient for each in holders}
    if len(names) < len(holders) or len(keys) < len(holders):
        raise InvalidInput("Two holders have the same name or the same key; each needs their own.")
    if not all(each.name.replace("-", "").replace("_", "").isalnum() for each in holders):
        raise InvalidInput("A holder's name becomes part of file names: letters, digits, - and _.")
    if not 2 <= need <= len(holders):
        raise InvalidInput(
            f"{need} of {len(holders)} is no quorum: at least 2, and at most all the holders."
        )
    if comb(len(holders), need) > MAX_FILES:
        raise InvalidInput(
            f"{need} of {len(holders)} makes {comb(len(holders), need)} files, over the limit of "
            f"{MAX_FILES}; name fewer holders."
        )
    found = list(combinations(holders, need))
    if len({file_name(group).casefold() for group in found}) < len(found):
        raise InvalidInput(
            "Two groups of holders would share a file name; name the holders otherwise."
        )
    return found


def file_name(group: Sequence[Holder]) -> str:
    """Return the name of a group's file."""
    return f"sheet-for-{'-and-'.join(each.name for each in group)}.age"


def nested(sheet: bytes, holders: Sequence[Holder], need: int, random: Random) -> dict[str, bytes]:
    """Return a file for each group. Raises InvalidInput, MalformedData for what is no whole sheet."""
    text = sheet.decode("utf-8", "replace")
    find_secret(text)
    printed = find_printed(text)
    if None in (printed.notary, printed.fingerprint, printed.account):
        raise InvalidInput(
            "This is not a whole recovery sheet; what else stands on it is needed too."
        )
    files: dict[str, bytes] = {}
    for group in groups(holders, need):
        data = sheet
        for each in reversed(group):
            data = encrypt_bytes(data, [parse_recipient(each.recipient)], random)
        files[file_name(group)] = data
    return files


def readme(holders: Sequence[Holder], need: int) -> str:
    """Return what the holders need to read, in Chinese and English."""
    commands = "\n".join(f"    {command_of(group)}" for group in groups(holders, need))
    first, *others = groups(holders, need)[0]
    steps = [f"    age -d -i {first.name}.key -o step-1.age {file_name((first, *others))}"]
    for number, each in enumerate(others, 1):
        out = "sheet.txt" if number == len(others) else f"step-{number + 1}.age"
        steps.append(f"    age -d -i {each.name}.key -o {out} step-{number}.age")
    modern = [each.name for each in holders if each.post_quantum]
    return _README.format(
        need=need,
        total=len(holders),
        names=", ".join(each.name for each in holders),
        commands=commands,
        steps="\n".join(steps),
        version=_VERSION.format(names=", ".join(modern)) if modern else _ANY_VERSION,
    )


def command_of(group: Sequence[Holder]) -> str:
    """Return the command with which a group opens its file."""
    first, *others = group
    pipe = "".join(f" | age -d -i {each.name}.key" for each in others)
    return f"age -d -i {first.name}.key {file_name(group)}{pipe} > sheet.txt"


_VERSION = """\
   后量子密钥须使用 age 1.3 或更高版本：{names}
   Post-quantum keys need age 1.3 or newer: {names}"""

_ANY_VERSION = """\
   任何版本的 age 均可使用。
   Any version of age will do."""

_README = """\
恢复单的共同保管 / The recovery sheet in several hands
======================================================

持有人 Holders: {names}

任何 {need} 人（共 {total} 人）可共同打开恢复单，任何一人单独不能打开。
全部文件可由每人各存一份。NAME.key 指持有人自己的 age 身份文件。
Any {need} of the {total} holders open the recovery sheet together; nobody can alone.
Each holder may keep a copy of all the files here. NAME.key is the holder's own
age identity file.

1. 选择在场持有人的文件，按文件名中的次序打开。
   Take the file of the holders who are present and open it in the order of the
   names:

{commands}

{version}

2. 持有人不在同一处时，依次打开并转交，例如：
   Where the holders are in different places, one after the other, each handing
   the result on, for example:

{steps}

3. 恢复账户 / Recover:

    sealbook recover --secret-file sheet.txt

4. 用毕立即删除 sheet.txt 和 step-*.age：持有恢复单的人可以读取全部存证内容。
   Delete sheet.txt and step-*.age at once: whoever holds the sheet can read
   everything.
"""
