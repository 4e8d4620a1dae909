"""What a court's installation leaves out, and what to install where a command needs it."""

from importlib.util import find_spec

from ledger.errors import SealbookError

MARKS = {"company": "watchdog", "notary": "uvicorn"}
"""extra -> a module that nothing but the extra brings"""


class ExtraMissing(SealbookError):
    """A command needs packages that are not installed."""

    code = "extra-missing"

    def __init__(self, extra: str) -> None:
        super().__init__(
            "This command needs more than is installed here. Install it with: pip install "
            f"'sealbook[{extra}]'."
        )


def require_extra(extra: str) -> None:
    """Raise ExtraMissing unless what the extra brings is installed."""
    if find_spec(MARKS[extra]) is None:
        raise ExtraMissing(extra)
