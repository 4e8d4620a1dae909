"""The register of measures in a vault: an entry is sealed like any deposit, and waits like any."""

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ledger.company.documents import Document
from ledger.company.measures.measure import (
    CLASSIFICATION,
    MEASURE_NAME,
    REGISTER,
    TEXT_NAME,
    Measure,
    check_measure,
    format_measure,
    line_of,
    parse_measure,
    title_of,
)
from ledger.company.measures.register import (
    DAMAGED,
    REFUSED,
    REGISTERED,
    WAITING,
    Register,
    RegisterEntry,
    VaultFacts,
)
from ledger.company.sealing.collecting import collect
from ledger.company.sealing.sources import MemorySource
from ledger.company.sending.confirming import verify_answer
from ledger.company.sending.spool import seal_and_sign
from ledger.company.vault.matters import matter_papers, matters_called, number_of
from ledger.company.vault.stored import MATTER_NAME, Meta, StoredDeposit, file_header
from ledger.company.vault.vault import Vault
from ledger.crypto.envelope import parse_header
from ledger.crypto.recipients import Identity
from ledger.errors import InvalidInput, MalformedData, StorageFailed, VerificationFailed
from ledger.evidence.manifest import Cover
from ledger.program import tool_name
from ledger.quoted import quoted


def record(
    vault: Vault,
    measure: Measure,
    now: Callable[[], float],
    random: Callable[[int], bytes],
    attachments: Sequence[Path] = (),
) -> StoredDeposit:
    """Enter a measure in the register: seal and sign it; from the return on it waits to be sent.

    `attachments` are files or folders that are deposited with it; `measure.attached` is set from them.
    Raises InvalidInput as check_measure and collect do.
    """
    check_measure(measure)
    tool = tool_name()
    files: dict[str, Document] = {}
    for path in attachments:
        found = collect(path, tool)
        if found.left_out:
            raise InvalidInput(
                f"{quoted(path)} holds what is no file: {quoted(found.left_out[0][0])}."
            )
        for each in found.documents:
            name = each.name if len(found.documents) == 1 else f"{found.path.name}/{each.name}"
            name = _free(line_of(name), files)
            files[name] = replace(each, name=name)
    measure = replace(measure, attached=tuple(files))
    text = format_measure(measure)
    document = Document(
        MemorySource(text),
        TEXT_NAME,
        modified=int(now()),
        media_type="text/plain",
        tool=tool,
    )
    documents = (document, *files.values())
    title = title_of(measure)
    provenance = (
        ("stated by", "the depositor; nobody else has checked it"),
        ("tool", tool),
        ("host", platform.node()),
        (MATTER_NAME, REGISTER),
        (MEASURE_NAME, text.decode()),
    )
    meta = Meta(
        path="",
        title=title,
        size=sum(each.source.size for each in documents),
        documents=len(documents),
        matter=REGISTER,
        keep=True,
        measure=text.decode(),
    )
    return seal_and_sign(vault, documents, Cover(title, provenance), meta, now, random)


def read_register(vault: Vault) -> Register:
    """Return the register as this vault holds it; every receipt is verified."""
    matters = [matter_papers(vault, each) for each in matters_called(vault, REGISTER)]
    entries: list[RegisterEntry] = []
    unreadable: list[int] = []
    for paper in (paper for matter in matters for paper in matter.papers):
        try:
            measure = parse_measure((paper.meta.measure or "").encode())
        except MalformedData:
            unreadable.append(number_of(paper))
            continue
        entries.append(_entry(vault, paper, measure))
    return Register(
        tuple(each.id.hex() for each in matters),
        tuple(sorted(entries, key=lambda each: each.number)),
        tuple(number for each in matters for number in each.lacking),
        tuple(unreadable),
    )


def _entry(vault: Vault, paper: StoredDeposit, measure: Measure) -> RegisterEntry:
    number, receipt = number_of(paper), paper.receipt
    if receipt is None:
        return RegisterEntry(
            number, paper.commitment, measure, REFUSED if paper.refused else WAITING
        )
    try:
        verified = verify_answer(paper.encoded, receipt, vault.trust)
    except (VerificationFailed, MalformedData):
        return RegisterEntry(number, paper.commitment, measure, DAMAGED)
    block = verified.block
    return RegisterEntry(
        number, paper.commitment, measure, REGISTERED, verified.index, block.height, block.time
    )


def vault_facts(
    vault: Vault,
    register: Register,
    identities: Sequence[Identity] | None,
    progress: Callable[[int], object] = lambda _: None,
) -> VaultFacts:
    """Return what the vault shows of its deposits, but for the register's own.

    Without identities the classifications that rules of capture have sealed stay unknown. `progress` is
    called with the number of deposits that were looked at.
    """
    named = {
        subject.id
        for entry in register.standing
        if entry.measure.kind == CLASSIFICATION
        for subject in entry.measure.subjects
        if subject.id
    }
    deposits = contents = classified = unread = 0
    keys: list[int] = []
    levels: Counter[str] = Counter()
    for each in _others(vault):
        deposits += 1
        contents += each.deposit.content is not None
        place = each.deposit.matter
        level = ""
        try:
            keys.append(len(parse_header(file_header(each.folder / "manifest.age")).stanzas))
            if identities is not None:
                stated = dict(each.manifest(tuple(identities)).cover.provenance)
                level = stated.get("classification", "")
                levels[level] += bool(level)
        except (VerificationFailed, MalformedData, StorageFailed):
            unread += 1
        classified += bool(
            level or each.commitment in named or (place is not None and place.id.hex() in named)
        )
        progress(deposits)
    known = None if identities is None else {each: n for each, n in sorted(levels.items()) if n}
    span = min(keys, default=0), max(keys, default=0)
    return VaultFacts(deposits, contents, span, known, classified, unread)


def _others(vault: Vault) -> Iterator[StoredDeposit]:
    for each in vault.sound():
        if each.meta.matter != REGISTER and not each.refused:
            yield each


def _free(name: str, taken: dict[str, Document]) -> str:
    place, number = f"attached/{name}", 2
    while place in taken:
        place, number = f"attached-{number}/{name}", number + 1
    return place
