"""Commitments to many small documents, made in a second process while this one reads and encrypts.

Hashing a few bytes holds the interpreter's lock, and ten thousand messages take a million such hashes.
The process gets, on its standard input, what the commitments follow from, seeds and paths of parts
included; it writes nothing but commitments, and ends with its input. What it does not answer, whatever
the reason, is computed here.
"""

import contextlib
import os
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO

from ledger.company.documents import Committer
from ledger.company.sealing.job import commit_here
from ledger.company.sealing.pipes import close, start
from ledger.crypto.commitment import HASH_SIZE, Uncommitted

_MANY = 500
"""Documents that are worth a process: it takes a quarter of a second to start."""


@contextlib.contextmanager
def committer(documents: int) -> Iterator[Committer]:
    """Yield what commits to this number of documents."""
    if documents < _MANY or (os.cpu_count() or 1) < 2:
        yield commit_here
        return
    try:
        process = start("commit_process")
    except OSError:
        yield commit_here
        return
    assert process.stdin and process.stdout
    with ThreadPoolExecutor(1, "commit") as thread:
        try:
            yield _Remote(thread, process.stdin, process.stdout)
        finally:
            process.kill()
            process.wait()
            thread.shutdown(cancel_futures=True)
            close(process)


class _Remote:
    """Asks the process, one request after the other, from a thread of its own."""

    def __init__(self, thread: ThreadPoolExecutor, requests: IO[bytes], answers: IO[bytes]) -> None:
        self._thread = thread
        self._requests = requests
        self._answers = answers

    def __call__(self, documents: Sequence[Uncommitted]) -> Callable[[], Sequence[bytes]]:
        request = pickle.dumps(documents, pickle.HIGHEST_PROTOCOL)
        return self._thread.submit(self._ask, request, documents).result

    def _ask(self, request: bytes, documents: Sequence[Uncommitted]) -> Sequence[bytes]:
        answer = b""
        with contextlib.suppress(OSError, ValueError):
            self._requests.write(len(request).to_bytes(8, "big") + request)
            self._requests.flush()
            answer = self._answers.read(len(documents) * HASH_SIZE)
        if len(answer) != len(documents) * HASH_SIZE:
            return commit_here(documents)()
        return [answer[at : at + HASH_SIZE] for at in range(0, len(answer), HASH_SIZE)]
