"""The words on the pages of a PDF, for a search: by pdfium, which knows Chinese fonts."""

import pypdfium2

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices

MAX_TEXT = 1 << 20
"""Characters of a page."""


def words_of(data: bytes) -> str:
    """Return the text of a PDF, as its fonts state it. Raises NotRendered where it cannot be read."""
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        raise NotRendered(notices.DAMAGED.line()) from error
    texts = []
    for page in document:
        texts.append(page.get_textpage().get_text_bounded()[:MAX_TEXT])
    return "\n".join(texts)[:MAX_TEXT]
