"""Who does the segments of a sealing: threads, and for a large one processes beside this one.

Sealing holds the interpreter's lock for a third of the time. So a process for each further core gets
segments on its standard input and answers what follows from them, hashes only: it opens the documents,
and the file that is written, by itself. This process does segments meanwhile, all of them until another
says that it is ready. What is not answered, whatever the reason, is done here: so errors are found in
one place, and nothing depends on a process that dies.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Lock

from ledger.company.documents import Document
from ledger.company.sealing.job import Output
from ledger.company.sealing.pipes import close, read_message, start, write_message
from ledger.company.sealing.segments import SEGMENT, Ciphertext, Done, PayloadKey, Segment, Workshop
from ledger.company.sealing.sources import FileSource
from ledger.disk.files import NewFile, Place
from ledger.program import this_program

LARGE = 512 << 20
"""Bytes from which processes are worth their start, a quarter of a second of a core each."""
EACH = 128 << 20
"""Bytes for which there is one more of them."""
_MOST = 7
"""Processes beside this one: what so many write is more than disks take."""
_AT_ONCE = 2
"""Segments that a process has: while its answer to one is heard, it does the next."""

_Written = tuple[Place, PayloadKey]
"""Where a process writes, and what it encrypts with."""


@contextlib.contextmanager
def hands(
    documents: Sequence[Document], output: Output | None, workers: int
) -> Iterator[tuple[ThreadPoolExecutor | None, Callable[[Segment], Done]]]:
    """Yield threads, none for one worker, and what does a segment in any of them.

    When the block is left nothing is written any more.
    """
    here = Workshop(Ciphertext(output.sink, output.key) if output else None, workers)
    if workers == 1:
        yield None, here.do
        return
    processes = _started(documents, output, workers)
    threads = 1 + _AT_ONCE * len(processes) if processes else workers
    with ThreadPoolExecutor(threads, "seal") as pool:
        try:
            yield pool, _Shared(here, processes, pool).do
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in processes:
                process.kill()
    for process in processes:
        process.close()


def _started(
    documents: Sequence[Document], output: Output | None, workers: int
) -> "list[_Process]":
    size = sum(document.source.size for document in documents)
    # Of many small documents the commitments are more work, which has a process of its own.
    if size < max(LARGE, len(documents) * SEGMENT):
        return []
    if not all(isinstance(document.source, FileSource) for document in documents):
        return []
    written = None
    if output:
        if not isinstance(output.sink, NewFile):
            return []
        written = output.sink.place(), output.key
    processes: list[_Process] = []
    with contextlib.suppress(OSError):  # without them it takes longer
        while len(processes) < min(workers - 1, _MOST, size // EACH):
            processes.append(_Process(written))
    return processes


class _Shared:
    """Does segments in the processes that are ready for one, and `here`."""

    def __init__(
        self, here: Workshop, processes: "Sequence[_Process]", pool: ThreadPoolExecutor
    ) -> None:
        self._here = here
        self._ready: SimpleQueue[_Process] = SimpleQueue()
        for process in processes:
            pool.submit(self._await, process)

    def _await(self, process: "_Process") -> None:
        if process.is_ready():
            for _ in range(_AT_ONCE):
                self._ready.put(process)

    def do(self, segment: Segment) -> Done:
        """Do a segment. Raises SourceChanged and what the sink raises."""
        try:
            process = self._ready.get_nowait()
        except Empty:
            return self._here.do(segment)
        done = process.do(segment)
        if done is None:
            return self._here.do(segment)
        self._ready.put(process)
        return done


class _Process:
    """A process that does segments, for two threads."""

    def __init__(self, written: _Written | None) -> None:
        self._written = written
        self._process = start("segment_process")
        self._asking, self._hearing = Lock(), Lock()
        self._failed = False

    def is_ready(self) -> bool:
        """Wait until it says that it is this program, and tell it where to write."""
        try:
            if read_message(self._process.stdout) != this_program().digest:
                raise ValueError
            write_message(self._process.stdin, self._written)
        except Exception:  # noqa: BLE001 - whatever it was, all is done here
            self.kill()
            return False
        return True

    def do(self, segment: Segment) -> Done | None:
        """Return what follows from a segment; None if it is to be done here."""
        try:
            with contextlib.ExitStack() as heard:
                with self._asking:
                    write_message(self._process.stdin, segment)
                    heard.enter_context(self._hearing)
                if self._failed:
                    raise ValueError
                done: Done | None = read_message(self._process.stdout)
                return done
        except Exception:  # noqa: BLE001 - whatever it was, it is done here
            self._failed = True
            self.kill()
            return None

    def kill(self) -> None:
        """End it: when this returns it writes nothing any more."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close its pipes, once no thread uses them."""
        close(self._process)
