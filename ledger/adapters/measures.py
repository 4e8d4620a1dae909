"""The register of measures in a vault: an entry is sealed like any deposit, and waits like any."""

import platform
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from ledger.adapters.capture.intake import MemorySource
from ledger.adapters.files import seal_files
from ledger.adapters.folders import collect
from ledger.adapters.vault import MATTER_NAME, Meta, StoredDeposit, Vault
from ledger.errors import InvalidInput
from ledger.manifest import Cover
from ledger.measures import (
    MEASURE_NAME,
    REGISTER,
    TEXT_NAME,
    Measure,
    check_measure,
    format_measure,
    line_of,
    title_of,
)
from ledger.sealing import Document


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
    tool = f"sealbook {version('sealbook')}"
    files: dict[str, Document] = {}
    for path in attachments:
        found = collect(path, tool)
        if found.left_out:
            raise InvalidInput(f"{path} holds what is no file: {found.left_out[0][0]}.")
        for each in found.documents:
            name = each.name if len(found.documents) == 1 else f"{found.path.name}/{each.name}"
            name = _free(line_of(name), files)
            files[name] = replace(each, name=name)
    measure = replace(measure, attached=tuple(files))
    text = format_measure(measure)
    at = now()
    document = Document(
        MemorySource(text),
        TEXT_NAME,
        modified=int(at),
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
    with vault.sealing() as sealing:
        sealed = seal_files(
            documents,
            vault.key.thumbprint,
            vault.recipients,
            Cover(title, provenance),
            sealing.manifest,
            sealing.content,
            random,
        )
        with vault.locked():
            at = now()
            statement = vault.sign(
                sealed.commitment, sealed.content, sealed.manifest, REGISTER, int(at)
            )
            meta = Meta(
                path="",
                title=title,
                sealed=int(at),
                size=sum(each.source.size for each in documents),
                documents=len(documents),
                matter=REGISTER,
                source=f"measure {sealed.commitment.hex()}",
                keep=True,
                measure=text.decode(),
            )
            return vault.spool(sealing, statement, meta, at)


def _free(name: str, taken: dict[str, Document]) -> str:
    place, number = f"attached/{name}", 2
    while place in taken:
        place, number = f"attached-{number}/{name}", number + 1
    return place
