"""The child's loop, and the limits that it puts on itself where the system knows them (POSIX)."""

import json
import os
import sys
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ledger.company.sealing.rendering import NotRendered
from ledger.evidence import notices
from ledger.limits import limit

MEMORY = 2 << 30
"""Bytes of address space: enough for a file of 512 MiB in memory and all that is made of it."""
_SPARE_SECONDS = 5
"""The parent kills earlier; this ends a child whose parent is gone."""


def main() -> None:
    """Answer requests until there are no more."""
    # Only answers go to the pipe: a library that prints cannot write one.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.umask(0o077)
    # A crash must not leave the file's content in a core dump.
    limit("RLIMIT_CORE", 0)
    limit("RLIMIT_AS", MEMORY)
    for line in sys.stdin.buffer:
        request = json.loads(line)
        limit("RLIMIT_FSIZE", request["bytes"])
        limit("RLIMIT_CPU", int(_cpu_seconds()) + request["seconds"] + _SPARE_SECONDS)
        answers.write(json.dumps(_answer(request), ensure_ascii=False).encode() + b"\n")
        answers.flush()


def _answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        if request["kind"] == "words":
            from ledger.company.sealing.rendering.page_words import words_of

            return {"text": words_of(b64decode(request["page"]))}
        source, folder = Path(request["source"]), Path(request["folder"])
        # Imported here: each takes a tenth of a second, and a deposit seldom needs both.
        if request["kind"] == "page":
            from ledger.company.sealing.rendering.pages import render_pages

            return render_pages(source, folder, request["files"], request["bytes"])
        if request["kind"] == "sheets":
            from ledger.company.sealing.rendering.sheets import render_sheets

            return render_sheets(source, folder)
        if request["kind"] == "slides":
            from ledger.company.sealing.rendering.slides import render_slides

            return render_slides(source, folder)
        if request["kind"] == "mail":
            from ledger.company.sealing.rendering.mail import render_mail

            return render_mail(source, folder)
        if request["kind"] == "ofd":
            from ledger.company.sealing.rendering.ofd import render_ofd

            return render_ofd(source, folder)
        from ledger.company.sealing.rendering.strict import is_strict
        from ledger.company.sealing.rendering.text import render_text

        if is_strict(source):
            raise NotRendered(notices.STRICT.line())
        return render_text(source, folder)
    except NotRendered as reason:
        return {"refused": str(reason)}
    except MemoryError:
        return {"refused": notices.TOO_MUCH_MEMORY.line(MEMORY >> 30)}
    except OSError as error:
        return {"refused": f"its renditions could not be written ({error.strerror})"}
    except Exception:  # noqa: BLE001  whatever a hostile file makes a parser raise, the next has its turn
        return {"refused": notices.DAMAGED.line()}


def _cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    main()
