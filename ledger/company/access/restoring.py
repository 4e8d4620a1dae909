"""A deposit that the notary keeps, back into an empty vault."""

from pathlib import Path

from ledger.company.access.recovery import Recovered
from ledger.company.measures.measure import MEASURE_NAME
from ledger.company.vault.home import FILED
from ledger.company.vault.stored import MATTER_NAME, Meta, folder_name, format_meta, write_file
from ledger.company.vault.vault import name_matter


def restore_deposit(home: Path, recovered: Recovered, content_header: bytes | None) -> None:
    """File a recovered deposit. `content_header` opens the content, which stays with the notary."""
    statement, manifest = recovered.verified.statement, recovered.manifest
    stated = dict(manifest.cover.provenance)
    matter = stated.get(MATTER_NAME)
    originals = [record for record in manifest.documents if record.rendition is None]
    folder = home / FILED / folder_name(statement, statement.issued_at)
    meta = Meta(
        path="",
        title=manifest.cover.title,
        sealed=statement.issued_at,
        size=sum(record.size for record in originals),
        documents=len(originals),
        matter=matter,
        measure=stated.get(MEASURE_NAME),
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    write_file(folder / "statement", statement.encoded)
    write_file(folder / "manifest.age", recovered.manifest_file)
    if content_header is not None:
        write_file(folder / "content.header", content_header)
    write_file(folder / "meta.json", format_meta(meta))
    write_file(folder / "receipt", recovered.receipt)
    place = recovered.verified.deposit.matter
    if matter is not None and place is not None:
        name_matter(home, matter, place.id)
