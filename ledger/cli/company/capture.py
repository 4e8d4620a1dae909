"""Capturing in real time: watch, run, status."""

import contextlib
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger.cli import shell, text
from ledger.cli.company import own
from ledger.cli.speech import _, language, told
from ledger.company.capture.config import (
    MAX_CONFIG,
    SETTLE,
    CaptureConfig,
    Rule,
    Watch,
    check_officer,
    check_settle,
    parse_config,
)
from ledger.errors import InvalidInput, MalformedData, StorageFailed
from ledger.quoted import Message, quoted
from ledger.quoted import columns as most_columns
from ledger.recognised import retold

if TYPE_CHECKING:
    from ledger.cli.table import One, Value
    from ledger.company.capture.daemon import Seams, Service, Services
    from ledger.company.capture.journal import Event, Journal
    from ledger.company.vault.stored import StoredDeposit
    from ledger.company.vault.vault import Vault

CONFIG = "capture.toml"
_COLORS = {"deposited": "green", "waiting": "yellow", "failed": "red"}
_EVENTS: dict[str, Message] = {
    "listening": "listening",
    "came in": "came in",
    "sealed": "sealed",
    "deposited": "deposited",
    "waiting": "waiting",
    "failed": "failed",
}
_AWAITED: Message = "`sealbook list` shows them; what they lack is fetched as it comes"
_LABEL = 11
_LOOKED_AT = 500
"""Deposits that wait of which `status` reads why, the oldest."""
_REASONS = 20
"""Different reasons that it gives."""
_LINES = 10_000
"""Events that may wait to be printed."""
_LAST_LINES = 2.0
"""Seconds for printing the last of them."""

UNIT = """\
[Unit]
Description=Sealbook: seals and deposits what comes into being
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
User={user}
ExecStart={program}
Environment={variable}
Restart=on-failure
RestartSec=5
# The vault is all that it writes to; receipts go there unless the configuration says "beside".
ReadWritePaths={home}
UMask=0077
NoNewPrivileges=true
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectControlGroups=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
CapabilityBoundingSet=
SystemCallArchitectures=native
SystemCallFilter=@system-service
LimitCORE=0

[Install]
WantedBy=multi-user.target
"""


@click.command(
    epilog="""\b
Examples:
  sealbook watch ~/Contracts
  sealbook watch ~/Contracts --include "*.pdf" --classification secret
"""
)
@click.argument("folders", nargs=-1, required=True, type=shell.FILE)
@click.option("--include", multiple=True, metavar="PATTERN", help="Only what matches; repeatable.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Not what matches; repeatable.")
@click.option("--settle", type=float, default=SETTLE, show_default=True, help="Seconds of quiet.")
@click.option("--matter", help="One matter for all. Default: each file is a matter of its own.")
@click.option("--classification", default="", help="Noted in each deposit.")
@click.option(
    "--officer", multiple=True, metavar="RECIPIENT", help="An age recipient who can open."
)
@click.option("--commitment-only", is_flag=True, help="Deposit fingerprints, keep the content.")
@click.option(
    "--receipts-beside", is_flag=True, help="Receipts beside the files, not in the vault."
)
@shell.json_option
def watch(
    folders: tuple[Path, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    settle: float,
    matter: str | None,
    classification: str,
    officer: tuple[str, ...],
    commitment_only: bool,
    receipts_beside: bool,
    as_json: bool,
) -> None:
    """Seal and deposit every new or changed file in FOLDERS, as it is saved.

    Versions of a file form a matter; moves and deletions are recorded in it. What was missed while this
    did not run is found at the start. Receipts stay in the vault: `sealbook list` shows them.
    """
    for each in officer:
        check_officer(each)
    for folder in folders:
        if not folder.is_dir():
            raise InvalidInput(f"{quoted(folder)} is not a folder that can be watched.")
    rule = Rule(matter, classification, officer, commitment_only)
    config = CaptureConfig(
        tuple(
            Watch(
                str(folder.absolute()),
                rule,
                include,
                exclude,
                check_settle(settle),
                receipts_beside,
            )
            for folder in folders
        )
    )
    _run(config, as_json)


@click.command(
    epilog="""\b
Examples:
  sealbook run
  sealbook run --print-unit > sealbook.service
"""
)
@click.option("--config", type=shell.FILE, help="Default: capture.toml in the vault.")
@click.option("--print-unit", is_flag=True, help="Print a systemd unit and exit.")
@shell.json_option
def run(config: Path | None, print_unit: bool, as_json: bool) -> None:
    """Capture what the configuration names, and deposit it, until stopped.

    It uses the device's signing key only: it cannot read what it has sealed.
    """
    if print_unit:
        import getpass

        from ledger.company.vault.home import vault_home

        program = [sys.executable, "-m", "ledger", "run"]
        if config is not None:
            program += ["--config", str(config.absolute())]
        click.echo(
            UNIT.format(
                program=" ".join(map(_unit_word, program)),
                variable=_unit_word(f"SEALBOOK_HOME={vault_home()}"),
                home=_unit_word(str(vault_home())),
                user=getpass.getuser(),
            ),
            nl=False,
        )
        return
    place = config or own.open_vault().home / CONFIG
    if config is None and not place.exists():
        raise InvalidInput(
            f"There is no configuration at {quoted(place)}. Write one (docs/operate.md), or "
            "name folders: "
            "`sealbook watch DIR`."
        )
    with shell.about(place):
        parsed = parse_config(shell.read_limited(place, MAX_CONFIG, "a configuration"))
        if not parsed.watch and not parsed.other:
            raise InvalidInput("nothing in it says what is to be captured; add a [[watch]] table")
    _run(parsed, as_json)


def _unit_word(text: str) -> str:
    """Return a word as systemd.syntax(7) wants it: quoted where it has to be, `%` doubled."""
    text = text.replace("%", "%%")
    if not set(text) & set(" \t\"'\\"):
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@click.command(
    epilog="""\b
Example:
  sealbook status
"""
)
@shell.json_option
def status(as_json: bool) -> None:
    """Show what the daemon does: what came in, what waits, what failed and why."""
    from ledger.company.capture.daemon import is_running
    from ledger.company.capture.journal import read_status

    vault = own.open_vault()
    running = is_running(vault.home)
    found = read_status(vault.home) or {}
    spooled = vault.spooled()
    value = {
        **found,
        "running": running,
        "waiting": len(spooled),
        "not_taken": _not_taken(spooled),
        "refused": len(vault.refused()),
        "provisional": len(vault.provisional()),
        "faults": [str(each) for each in vault.faults()],
    }
    shell.emit(as_json, value, "\n".join(_overview(value)))


def _overview(value: dict[str, Any]) -> list[str]:
    from ledger.cli.table import Value, labelled

    counts = value.get("counts", {})
    state = _("runs") if value["running"] else _("does not run; `sealbook run` starts it")
    if value["running"] and "started" in value:
        state += told(f" since {text.when(int(value['started']))}")
    rows: list[tuple[str, Value]] = [
        (_("Daemon"), state),
        *[
            (
                "" if number else _("Folders"),
                [
                    quoted(each["folder"]),
                    *(text.reason(each["trouble"]) if each["trouble"] else []),
                    *([_left_out(each["left_out"])] if each.get("left_out") else []),
                ],
            )
            for number, each in enumerate(value.get("folders", []))
        ],
        (_("Notary"), text.reason(str(value.get("notary") or _("not asked yet")))),
        (_("Clock"), text.plain(str(value.get("clock") or _("not compared yet")))),
        (_("Came in"), str(counts.get("came in", 0))),
        *_open_rows(value),
        (_("Waiting"), str(value["waiting"])),
        *_not_taken_rows(value.get("not_taken", [])),
        (
            _("Deposited"),
            told(
                f"{counts.get('deposited', 0)}, longest delay {value.get('longest_delay', 0):.1f} s"
            ),
        ),
        (_("Failed"), str(counts.get("failed", 0))),
    ]
    if value.get("provisional"):
        rows.insert(-1, (_("Provisional"), f"{value['provisional']}; {_(_AWAITED)}"))
    if value["refused"]:
        rows.insert(-1, (_("Refused"), told(f"{value['refused']}; `sealbook list` shows them")))
    rows += _watched(value)
    return [
        *labelled(rows),
        *(
            f"{text.when(int(each['at']))}\n{_said('', each['what'], each['why'])}"
            for each in value.get("failures", [])
        ),
        *_noted(value.get("notices", [])),
    ]


def _not_taken(spooled: "Sequence[StoredDeposit]") -> list[dict[str, Any]]:
    """Return why the notary has not taken what waits, each reason once, for the oldest of it."""
    found: dict[str, list[StoredDeposit]] = {}
    for each in spooled[:_LOOKED_AT]:
        with contextlib.suppress(MalformedData, StorageFailed):  # whoever sends tells of it
            if each.meta.refused and each.waits:
                found.setdefault(each.meta.refused, []).append(each)
    return [
        {"why": why, "what": each[0].meta.path or each[0].meta.title, "count": len(each)}
        for why, each in list(found.items())[:_REASONS]
    ]


def _not_taken_rows(reasons: list[dict[str, Any]]) -> "Iterator[tuple[str, Value]]":
    for each in reasons:
        more = each["count"] - 1
        yield (
            "",
            [
                quoted(text.home_relative(each["what"])),
                *([told(f"and {more} more")] if more else []),
                *text.reason(each["why"]),
            ],
        )


def _watched(value: dict[str, Any]) -> "Iterator[tuple[str, Value]]":
    """Yield what the witnesses have cosigned, and what was kept against the notary."""
    for number, each in enumerate(value.get("witnesses", [])):
        said: list[One] = list(map(quoted, each["names"]))
        if "size" in each:
            said.append(told(f"{each['size']} entries, {text.when(each['time'])}"))
        if each["trouble"]:
            said += text.reason(each["trouble"])
        yield ("" if number else _("Witnessed"), said)
    if value.get("faults"):
        yield (
            _("Alarm"),
            [
                _(
                    "The notary has signed what it does not show to belong to one ledger. Keep "
                    "these files, compare with other companies (`sealbook trust compare`), and "
                    "ask the office."
                ),
                *map(quoted, value["faults"]),
            ],
        )


def _left_out(count: int) -> str:
    return told(
        f"{count} {'file is' if count == 1 else 'files are'} not taken: by --include or --exclude, "
        "or because of a name that locks, half-made copies or receipts have"
    )


def _open_rows(value: dict[str, Any]) -> "list[tuple[str, Value]]":
    """Return the files that are written to and not sealed yet, of a daemon that runs."""
    found = value.get("open", []) if value["running"] else []
    rows: list[tuple[str, Value]] = [
        (
            "" if number else _("Open"),
            [quoted(each["path"]), _("since {time}", time=text.when(int(each["since"])))],
        )
        for number, each in enumerate(found)
    ]
    if (more := value.get("open_count", 0) - len(found)) > 0 and found:
        rows.append(("", told(f"and {more} more")))
    return rows


def _noted(events: list[dict[str, Any]]) -> Iterator[str]:
    if events:
        yield _("\nSealed, and something in it cannot be shown by itself")
    for each in events:
        yield f"{text.when(int(each['at']))}\n{_said('', each['what'], each['why'])}"


def _said(label: str, what: str, why: str) -> str:
    """Return an event: its label, what it is about in quotation marks, and why, below if it is long."""
    name = text.home_relative(what) if os.sep in what else what
    words, values = retold(why, language())
    shown, room = str(quoted(name)), text.WIDTH - _LABEL - text.columns(words) - 2
    start = text.pad(label, _LABEL)
    if most_columns(shown) <= room and not values:
        return start + shown + (f": {words}" if words else "")
    lines = start + ("\n" + " " * _LABEL).join(quoted(name).lines(text.WIDTH - _LABEL))
    return f"{lines}\n{text.said(why, _LABEL)}" if why else lines


def _run(config: CaptureConfig, as_json: bool) -> None:
    serve(own.open_vault(), config, _others, threading.Event(), as_json)


def serve(
    vault: "Vault",
    config: CaptureConfig,
    services: "Services",
    stop: threading.Event,
    as_json: bool,
) -> None:
    """Run the daemon until `stop` is set or a signal comes, and show what it does."""
    from ledger.company.capture.daemon import run_daemon

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    lines = _Lines(as_json)
    show = live if sys.stdout.isatty() and not as_json else lines.show
    try:
        run_daemon(
            vault,
            config,
            services,
            clock=time.time,
            random=os.urandom,
            stop=stop,
            begun=lambda journal: show(journal, stop),
        )
    finally:
        lines.close()


def _others(config: CaptureConfig, seams: "Seams") -> "Sequence[Service]":
    if not config.other:
        return ()
    from ledger.company.mail.dkim import DnsResolver
    from ledger.company.mail.post import mail_services
    from ledger.company.mail.sources import parse_sources

    return mail_services(parse_sources(config.other), seams, DnsResolver())[0]


class _Lines:
    """A line for each event, printed by a thread of its own.

    Whoever reads them may stop reading: capturing must not wait for that, so what does not fit into the
    queue is left out.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._events: queue.Queue[Event | None] = queue.Queue(_LINES)
        self._thread = threading.Thread(target=self._print, name="lines", daemon=True)

    def show(self, journal: "Journal", stop: threading.Event) -> None:  # noqa: ARG002
        """Begin to print."""
        if not self._as_json:
            click.echo(_("Watching. Ctrl-C stops; what waits goes out the next time."))
        self._thread.start()
        journal.listen(self._put)

    def close(self) -> None:
        """Print what is left, if anybody reads it."""
        if self._thread.ident is not None:
            self._put(None)
            self._thread.join(_LAST_LINES)

    def _put(self, event: "Event | None") -> None:
        with contextlib.suppress(queue.Full):
            self._events.put_nowait(event)

    def _print(self) -> None:
        events: list[Event | None] = []
        while None not in events:
            # All that has come meanwhile at once: of a burst each write would wait for the sealing.
            events = [self._events.get()]
            with contextlib.suppress(queue.Empty):
                while len(events) < _LINES:
                    events.append(self._events.get_nowait())
            lines = [self._line(each) for each in events if each is not None]
            if lines:
                with contextlib.suppress(OSError):
                    click.echo("\n".join(lines))

    def _line(self, event: "Event") -> str:
        if self._as_json:
            value = {"kind": event.kind.value, "what": event.what, "why": event.why, "at": event.at}
            return json.dumps(value, ensure_ascii=True)
        label = text.pad(_(_EVENTS[event.kind.value]), _LABEL)
        line = _said(label, event.what, event.why).removeprefix(label)
        return click.style(label, fg=_COLORS.get(event.kind.value)) + line


def live(journal: "Journal", stop: threading.Event) -> None:
    """Show a view that is renewed twice a second, in a thread of its own."""
    from rich.console import Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    def view() -> Group:
        value = journal.snapshot()
        counts = value["counts"]
        head = Text.assemble(
            ("sealbook", "bold"),
            told(f"  came in {counts['came in']}  waiting {value.get('waiting', 0)}  "),
            (told(f"deposited {counts['deposited']}  "), "green"),
            (told(f"failed {counts['failed']}"), "red" if counts["failed"] else ""),
            told(f"  longest delay {value['longest_delay']:.1f} s"),
        )
        notary = Text(text.said(f"notary: {value.get('notary', 'not asked yet')}"))
        table = Table(box=None, show_header=False, pad_edge=False)
        for event in value["events"][-15:]:
            clock = time.strftime("%H:%M:%S", time.localtime(event["at"]))
            style = _COLORS.get(event["kind"], "")
            table.add_row(
                Text(clock),
                Text(_(_EVENTS.get(event["kind"], event["kind"])), style),
                Text(_said("", event["what"], event["why"]).strip()),
            )
        return Group(head, notary, table, Text(_("Ctrl-C stops"), "dim"))

    def keep() -> None:
        with Live(view(), auto_refresh=False) as live:
            while not stop.wait(0.5):
                live.update(view(), refresh=True)

    threading.Thread(target=keep, name="view", daemon=True).start()
