"""Evidence files of strangers are checked in a second process, which can be killed.

What they hold is computed for seconds, under the interpreter's lock, in memory that nobody counts. The
process starts with the first file, stays for the next ones and ends with us.
"""

import contextlib
import json
import subprocess
import sys
import threading
from typing import Any

from ledger.children import environment
from ledger.errors import MalformedData, TooLarge, Unavailable


class Examiner:
    """One process, for one file at a time; `stop` may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def examine(self, trust: bytes, data: bytes, beside: bytes = b"") -> dict[str, Any]:
        """Return the reports on an evidence file with its records; see `ledger.evidence.examined`.

        Raises MalformedData, TooLarge; Unavailable where the process ended, as after `stop`.
        """
        if self._process is not None and self._process.poll() is not None:
            self._drop(self._process)
        with self._lock:
            process = self._process = self._process or _start()
        assert process.stdin and process.stdout
        answer = b""
        size = -1
        with contextlib.suppress(OSError, ValueError):
            for each in (trust, data, beside):
                process.stdin.write(len(each).to_bytes(4, "big") + each)
            process.stdin.flush()
            size = int.from_bytes(process.stdout.read(4), "big")
            answer = process.stdout.read(size)
        if not answer or len(answer) != size:
            self._drop(process)
            raise Unavailable(
                "The check was ended before its end; check it with `sealbook verify`."
            )
        found: dict[str, Any] = json.loads(answer)
        if "refused" in found:
            error = TooLarge if found["refused"] == TooLarge.code else MalformedData
            raise error(found["detail"])
        return found

    def stop(self) -> None:
        """End the process, and with it what it is doing."""
        with self._lock:
            if self._process is not None:
                self._process.kill()

    def _drop(self, process: subprocess.Popen[bytes]) -> None:
        """Forget a process that has ended or is of no use, from the thread that asked it."""
        with self._lock:
            self._process = None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-m", "ledger.evidence.examined"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(),
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )
