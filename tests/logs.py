"""What the servers of the suite have logged, kept in files, and what must never stand there.

`plant` notes a secret or a name; every signing key that a test makes is planted by `conftest`. At the
end of a session `leaks` reads all that was kept.
"""

import base64
import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

VARIABLE = "SEALBOOK_TEST_LOGS"
"""Names the folder, also for the processes that tests start."""

NAMES = {
    "Example Ltd", "Other Ltd", "ACME 有限公司", "Wang Min", "Wang Li", "contract.pdf",
    "correct horse", "a court's passphrase",
}  # fmt: skip
"""Companies, people, documents and passphrases of many tests."""
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{32,}")

_planted: set[str] = set()
_names: set[str] = set(NAMES)


class Kept:
    """A stream that keeps what is written, and writes it on."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if folder := os.environ.get(VARIABLE):
            with (Path(folder) / f"{os.getpid()}.log").open("a", encoding="utf-8") as file:
                file.write(text)
        return len(text) if self._stream is None else self._stream.write(text)

    def flush(self) -> None:
        if self._stream is not None:
            self._stream.flush()


def keep() -> None:
    """Keep what services log that this process starts with `serve`."""
    from api import logs, server

    def start(level: str, form: str) -> None:
        logs.start_logging(level, form, Kept(sys.stderr))  # type: ignore[arg-type]

    vars(server)["start_logging"] = start


def keep_in_process() -> None:
    """Keep what services and notaries log that run in this process."""
    import structlog

    from api.logs import places

    keep()
    merge = structlog.contextvars.merge_contextvars
    structlog.configure(
        processors=[merge, places, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(Kept(sys.stdout)),  # type: ignore[arg-type]
    )


def keep_notaries() -> None:
    """Keep what notaries log that run in this process without a service."""
    logging.getLogger("sealbook").addHandler(logging.StreamHandler(Kept()))


def plant(secret: bytes | str) -> None:
    """Note what may stand in no log: bytes in every form that they are written in, or a text."""
    if isinstance(secret, str):
        _names.add(secret)
        return
    plain, url = base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode()
    _planted.update((secret.hex(), plain, plain.rstrip("="), url, url.rstrip("=")))


def leaks(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield (secret, line) for each that stands in what was kept."""
    for path in sorted(folder.iterdir()):
        for line in path.read_text(encoding="utf-8").splitlines():
            shown = _plain(line)
            for token in _TOKEN.findall(shown):
                if token in _planted:
                    yield token, shown
            for name in _names:
                if name in shown:
                    yield name, shown


def _plain(line: str) -> str:
    """Return a line with its escapes undone, where it is JSON."""
    try:
        return json.dumps(json.loads(line), ensure_ascii=False)
    except ValueError:
        return line
