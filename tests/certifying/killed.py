"""`sealbook notary certificate`, killed at a place: python -m tests.certifying.killed PLACE WORD...

PLACE is `made` (the numbers stand and the PDFs are made, no entry is), `entered` (the entries are, and
the first PDF is written and has no name yet), or `nowhere`.
"""

import os
import signal
import sys
from typing import Any

from ledger.cli import main
from ledger.notary.certificates.register import Register


def killed(*_: Any) -> Any:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    place, *sys.argv[1:] = sys.argv[1:]
    name = os.link

    def unless_a_pdf(old: Any, new: Any) -> None:
        (killed if str(new).endswith(".pdf") else name)(old, new)

    if place == "made":
        Register.enter = killed  # type: ignore[method-assign, assignment]
    elif place == "entered":
        os.link = unless_a_pdf  # type: ignore[assignment]
    main()
