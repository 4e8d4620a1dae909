"""What commands share: options, files, passphrases, progress, output for people or for machines."""

import json
import os
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ledger.cli.speech import told
from ledger.errors import InvalidInput, MalformedData, VerificationFailed
from ledger.quoted import Message, quoted

if TYPE_CHECKING:
    from http.server import HTTPServer

    from ledger.chain.trust import Trust

PASSPHRASE_VARIABLE = "SEALBOOK_PASSPHRASE_FILE"  # noqa: S105 (a name, no secret)

_TICK = 0.5
"""Seconds between two looks at the clock where nothing else says how far a work is."""

F = TypeVar("F", bound=Callable[..., Any])


class _File(click.Path):
    """A path; whoever uses it says what is wrong there, path by path."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("An empty path names nothing.", param, ctx)
        return super().convert(value, param, ctx)


FILE = _File(path_type=Path, readable=False)


def json_option(function: F) -> F:
    """Add --json."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def language_option(function: F) -> F:
    """Add --lang."""
    return click.option(
        "--lang",
        type=click.Choice(["en", "zh"]),
        help="Language of the report. Default: from LANG.",
    )(function)


def passphrase_option(function: F) -> F:
    """Add --passphrase-file."""
    return click.option(
        "--passphrase-file",
        type=FILE,
        envvar=PASSPHRASE_VARIABLE,
        help=f"Read the passphrase from a file (also {PASSPHRASE_VARIABLE}).",
    )(function)


def listen_option(port: int) -> Callable[[F], F]:
    """Add --listen, with loopback as its default."""
    return click.option(
        "--listen",
        default=f"127.0.0.1:{port}",
        show_default=True,
        help="HOST:PORT; port 0 chooses.",
    )


def listening_at(listen: str) -> tuple[str, int]:
    """Return the host and port that --listen names. Raises UsageError."""
    host, _, port = listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 2**16):
        raise click.UsageError("--listen names a host and a port, such as 127.0.0.1:8500.")
    return host, int(port)


def serve(server: "HTTPServer") -> None:
    """Say where a server listens, and serve until it is interrupted."""
    host, port = server.server_address[:2]
    click.echo(told(f"listening on http://{host!s}:{port}"))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return


def emit(as_json: bool, value: dict[str, Any], text: str) -> None:
    """Print the result: one JSON object, or text for a person."""
    click.echo(json.dumps(value) if as_json else text)


def tell(text: str) -> None:
    """Say something on stderr that is not the result."""
    click.echo(text, err=True)


def can_ask() -> bool:
    """Whether a person sits before the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: Message, option: str) -> str:
    """Return what a person types. Raises UsageError, naming the option, where nobody can."""
    if not can_ask():
        raise click.UsageError(f"Missing option '{option}' (there is no terminal to ask at).")
    return str(click.prompt(told(question), err=True)).strip()


def ask_secret(question: Message, option: str) -> str:
    """Return what a person types, which the terminal does not show. Raises UsageError like `ask`."""
    if not can_ask():
        raise click.UsageError(f"Missing option '{option}' (there is no terminal to ask at).")
    return str(click.prompt(told(f"{question} (not shown)"), hide_input=True, err=True)).strip()


def passphrase_from(file: Path | None, what: Message = "vault") -> Callable[[], str]:
    """Return what gives the passphrase of `what`: a file's first line, or a person."""

    def give() -> str:
        if file is not None:
            return read_passphrase(file)
        if not can_ask():
            raise InvalidInput(
                f"The {what} is under a passphrase and there is no terminal to ask at; put it into a "
                f"file and name that with --passphrase-file or {PASSPHRASE_VARIABLE}."
            )
        return str(click.prompt(told(f"Passphrase of the {what}"), hide_input=True, err=True))

    return give


def read_passphrase(file: Path) -> str:
    """Return a file's first line. Raises InvalidInput."""
    try:
        with file.open(encoding="utf-8") as lines:
            passphrase = lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"The passphrase file {quoted(file)} cannot be read.") from error
    if not passphrase:
        raise InvalidInput(f"The first line of the passphrase file {quoted(file)} is empty.")
    return passphrase


def read_limited(path: Path, limit: int, what: Message) -> bytes:
    """Return a file's bytes. Raises InvalidInput over `limit` bytes or when it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InvalidInput(f"{quoted(path)} cannot be read: {error.strerror}.") from error
    if len(data) > limit:
        raise InvalidInput(f"{quoted(path)} is too large to be {what}.")
    return data


def read_trust(path: Path) -> "tuple[Trust, bytes]":
    """Return a trust file's content and its bytes. Raises InvalidInput, MalformedData."""
    from ledger.chain.trust import MAX_TRUST, parse_trust

    data = read_limited(path, MAX_TRUST, "a trust file")
    with about(path):
        return parse_trust(data), data


def require_readable(path: Path, *, folder: bool = False) -> None:
    """Raise UsageError where no file, or where allowed no folder, can be read at `path`."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and not folder):
            path.open("rb").close()
    except OSError as error:
        raise click.UsageError(f"{quoted(path)} cannot be read: {error.strerror}.") from error


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Name the file in what is said against it."""
    try:
        yield
    except (MalformedData, VerificationFailed) as error:
        error.args = (f"{quoted(path)}: {error}",)
        raise


def watched() -> bool:
    """Whether stderr is a terminal on which a line can be taken back."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class Progress:
    """A line on stderr that tells how far a long work is; silent where nobody watches.

    Args:
        what: The work.
        total: How much there is to do, 0 where that is not known.
        begun: When the user's wait began; the first moments pass in silence.
        bytes_: Whether bytes are counted, or things.
        passes: How often everything is gone through; `total` and what is done count every pass.
    """

    _SHOW_AFTER = 0.5
    _EVERY = 0.2
    _last = 0.0

    def __init__(
        self,
        what: Message,
        total: int,
        *,
        begun: float | None = None,
        bytes_: bool = True,
        passes: int = 1,
    ) -> None:
        self._what, self._total, self._bytes, self._passes = told(what), total, bytes_, passes
        self._start = time.monotonic()
        self._quiet_until = (self._start if begun is None else begun) + self._SHOW_AFTER
        self._shown = False
        self._watched = watched()

    def __call__(self, done: int, total: int | None = None) -> None:
        """Say that so much is done, and how much there is where that is known only now."""
        self._total = self._total if total is None else total
        now = time.monotonic()
        if not self._watched or now < max(self._quiet_until, Progress._last + self._EVERY):
            return
        from ledger.cli.text import inline, size

        Progress._last, self._shown = now, True
        count = size if self._bytes else str
        rate = done / max(now - self._start, 0.001)
        share = f"{min(100, 100 * done // self._total):3d} %  " if self._total else ""
        line = (
            f"{inline(self._what, 32)}  {share}{count(done // self._passes)}  {count(int(rate))}/s"
        )
        if self._total and rate >= 1:
            line += "  " + told(f"{_clock((self._total - done) / rate)} left")
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def wait(self) -> None:
        """Say how long it has taken, where nothing can be counted."""
        now = time.monotonic()
        if self._watched and now >= self._quiet_until:
            from ledger.cli.text import inline

            self._shown = True
            sys.stderr.write(f"\r\x1b[K{inline(self._what, 44)}  {_clock(now - self._start)}")
            sys.stderr.flush()

    def close(self) -> None:
        """Remove the line."""
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _clock(seconds: float) -> str:
    """Return a duration as 0:07 or 1:02:03."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@contextmanager
def waiting(what: Message) -> Iterator[None]:
    """Show how long the block has taken: for what is done elsewhere, or cannot be counted."""
    done = threading.Event()
    with Progress(what, 0) as progress:

        def tick() -> None:
            while not done.wait(_TICK):
                progress.wait()

        ticking = threading.Thread(target=tick, daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()
