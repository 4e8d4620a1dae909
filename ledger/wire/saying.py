"""What a notary gives as its reason: its words, quoted, and never ours."""

from ledger.quoted import Message, quoted

_MAX_DETAIL = 600


def plain(text: str) -> str:
    """Return text as it may go to a terminal: printable, on one line, of bounded length."""
    return "".join(c if c.isprintable() else " " for c in text[:_MAX_DETAIL])


def said(detail: str) -> Message:
    """Return what a notary gives as its reason."""
    return f"The notary says: {quoted(plain(detail))}."


def silent(status: int, code: str = "") -> Message:
    """Return what is to be said of an answer that gives none, or its code alone."""
    if code:
        return (
            f"The notary answered with status {status} and {quoted(plain(code))}, without a sentence. "
            "Nothing is lost; see that this computer's clock is right, then try again, or ask the "
            "notary office."
        )
    return (
        f"The notary, or what stands before it, answered with status {status} and no reason. Nothing "
        "is lost; try again later, or ask the notary office."
    )
