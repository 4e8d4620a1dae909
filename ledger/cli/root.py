"""The commands by audience, each imported when it is run, and the one place where errors are shown.

Exit codes: 0 done, every required claim proven; 1 something failed or a claim is missing; 2 wrong
usage; 78 a service cannot begin, and starting it again mends nothing; 130 interrupted.
"""

import errno
import importlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click

from ledger.cli.extras import ExtraMissing, require_extra
from ledger.cli.help import spoken
from ledger.cli.speech import _, language, speaking
from ledger.cli.text import listed, sentence
from ledger.errors import NotSigning, SealbookError
from ledger.language import LANGUAGES, Message
from ledger.program import VERSION
from ledger.quoted import escape, quoted, take
from ledger.recognised import retold

_MOST_USAGE = 2000
"""Columns of what is said of wrong usage: it may repeat what was typed."""

LASTING = 78
"""EX_CONFIG of sysexits.h: whoever starts services again leaves this one down."""

Commands = dict[str, tuple[str, Message]]
"""name -> ("module:function", the line in --help)"""

_AN_ERROR = "<3>"
"""A priority as sd-daemon(3) writes it."""
_EXTRAS = {"The company": "company", "The notary office": "notary"}
"""section -> the extra that its commands need"""
_FULL: Message = "the disk is full. Free some space, then retry"
_LIGHT = ("receipt", "trust")
"""Groups of which a part takes files apart for other software, and needs none."""


class Lasting(Exception):
    """Raised from an error that a service would meet again if it were only started again."""


class LazyGroup(click.Group):
    """A group whose commands live in other modules; its help needs none of them."""

    def __init__(self, *args: Any, sections: dict[str, Commands], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self.table = {name: entry for table in sections.values() for name, entry in table.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        for title, extra in _EXTRAS.items():
            if cmd_name in self._sections.get(title, ()) and cmd_name not in _LIGHT:
                require_extra(extra)
        return spoken(_load(entry[0]))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, table in self._sections.items():
            with formatter.section(_(title)):
                formatter.write_dl([(name, _(text)) for name, (_place, text) in table.items()])


def _load(place: str) -> click.Command:
    module, _, function = place.partition(":")
    command = getattr(importlib.import_module(module), function)
    assert isinstance(command, click.Command)
    return _with_language(command)


def _with_language(command: click.Command) -> click.Command:
    """Let a command, and those below it, take --lang, which `speaking` has read already."""
    if all(each.name != "lang" for each in command.params):
        command.params.append(
            click.Option(["--lang"], type=click.Choice(LANGUAGES), expose_value=False, hidden=True)
        )
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        _with_language(each)
    return command


class Program(LazyGroup):
    """The outermost group: turns every error into a sentence and an exit code."""

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        arguments = list(sys.argv[1:] if args is None else args)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                # A name that the terminal cannot show must not end the program.
                stream.reconfigure(errors="backslashreplace")
        extra["standalone_mode"] = False
        if os.environ.get("NO_COLOR"):  # https://no-color.org
            extra["color"] = False
        with speaking(arguments):
            code = self._run(arguments, extra)
        sys.exit(code)

    def _run(self, arguments: list[str], extra: dict[str, Any]) -> int:
        try:
            result = click.Group.main(spoken(self), arguments, **extra)
            sys.stdout.flush()
            return result if isinstance(result, int) else 0
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
            return 2
        except Exception as error:  # noqa: BLE001 - no traceback is ever shown
            return _show(error, "--json" in arguments)
        except KeyboardInterrupt:
            return _show(click.Abort(), "--json" in arguments)


def _show(error: Exception, as_json: bool) -> int:
    code, kind, message = _explain(error)
    if kind == "broken-pipe":
        # The reader has left; Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return code
    if os.environ.get("SEALBOOK_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    if as_json:
        click.echo(json.dumps({"error": {"code": kind, "message": message}}))
    words, values = retold(message, language())
    said = "\n".join([f"sealbook: {words}", *listed(values, 2)])
    mark = _AN_ERROR if _is_journal() else ""
    click.echo("\n".join(f"{mark}{line}" for line in said.splitlines()), err=True)
    return code


def _is_journal() -> bool:
    """Whether standard error goes to systemd's journal, which reads a line's priority before it."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):  # it is no file
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def _explain(error: Exception) -> tuple[int, str, Message]:
    """Return (exit code, kind, sentence)."""
    match error:
        case click.Abort():
            return 130, "interrupted", "Stopped. Nothing is lost; run the command again."
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "sealbook"
            said = escape(" ".join(error.format_message().split()), quotes=False)
            return 2, "usage", f"{take(said, _MOST_USAGE)}\nTry '{where} --help'."
        case Lasting(__cause__=Exception() as cause):
            _, kind, message = _explain(cause)
            return LASTING, kind, message
        case click.ClickException():
            return 1, "error", escape(error.format_message(), quotes=False)
        case NotSigning():  # who gives commands is the office
            return 1, error.code, sentence(error.detail)
        case SealbookError():
            return 1, error.code, sentence(str(error))
        case ModuleNotFoundError(name=str(module)) if not module.startswith("ledger"):
            return _explain(ExtraMissing("company"))
        case BrokenPipeError():
            return 1, "broken-pipe", ""
        case OSError():
            what: Message = error.strerror or type(error).__name__
            if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
                what = _FULL
            if error.filename:
                return 1, "storage-failed", f"{quoted(error.filename)}: {what}."
            return 1, "storage-failed", f"{what}."
    return (
        1,
        "unexpected",
        f"Something unexpected happened ({type(error).__name__}). What was deposited is safe. Please "
        "report this, with what SEALBOOK_DEBUG=1 in the environment shows.",
    )


_HELP = """Seal documents, deposit them with a notary, and verify receipts offline.

\b
Examples:
  sealbook init --notary https://notary.example
  sealbook deposit contract.pdf nda/
  sealbook verify contract.pdf.receipt --trust office.trust
"""

_SECTIONS: dict[Message, dict[str, tuple[str, Message]]] = {
    "The company": {
        "init": (
            "ledger.cli.company.init:init",
            "Make keys, a recovery sheet and an enrolment request.",
        ),
        "deposit": (
            "ledger.cli.company.deposit:deposit",
            "Seal files and folders and deposit them.",
        ),
        "watch": (
            "ledger.cli.company.capture:watch",
            "Deposit what is saved in folders, as it is saved.",
        ),
        "mail": (
            "ledger.cli.company.mail:mail",
            "Deposit mail: a journal, IMAP folders, mailboxes.",
        ),
        "run": (
            "ledger.cli.company.capture:run",
            "Capture what the configuration names, as a daemon.",
        ),
        "status": (
            "ledger.cli.company.capture:status",
            "Show what the daemon does and what failed.",
        ),
        "list": ("ledger.cli.company.listing:list_", "List what was deposited and what waits."),
        "show": ("ledger.cli.company.listing:show", "Show one deposit."),
        "open": (
            "ledger.cli.company.listing:open_",
            "Fetch a deposit back, decrypt and compare it.",
        ),
        "receipt": (
            "ledger.cli.company.receipts:receipt",
            "Write a receipt again, or take one apart.",
        ),
        "parts": ("ledger.cli.company.parts:parts", "Show what can be opened in a deposit."),
        "disclose": ("ledger.cli.company.disclose:disclose", "Write an evidence file for a court."),
        "matter": ("ledger.cli.company.matter:matter", "Show the papers of a matter, by number."),
        "measure": (
            "ledger.cli.company.measure:measure",
            "Keep the register of confidentiality measures.",
        ),
        "officer": ("ledger.cli.company.officers:officer", "Say who else can open the deposits."),
        "export": ("ledger.cli.company.export:export", "Write out every deposit in open formats."),
        "trust": ("ledger.cli.company.trust:trust", "Show or export the notary's trust file."),
        "recover": (
            "ledger.cli.company.recover:recover",
            "Rebuild the vault from the recovery sheet.",
        ),
    },
    "Anyone": {
        "verify": (
            "ledger.cli.verify:verify",
            "Check a receipt or an evidence file, offline.",
        ),
        "page": (
            "ledger.cli.court.page_file:page",
            "Write the verifier page, for a browser.",
        ),
        "audit": (
            "ledger.cli.auditor.audit:audit",
            "Check a whole ledger as a stranger; keep a mirror.",
        ),
        "mirror": (
            "ledger.cli.auditor.mirror:mirror",
            "Serve a mirror of a ledger.",
        ),
        "fault": (
            "ledger.cli.auditor.fault:fault",
            "Check what a ledger is accused of.",
        ),
        "witness": (
            "ledger.cli.witness.witness:witness",
            "Run a witness that cosigns ledgers.",
        ),
        "renew": (
            "ledger.cli.court.renew:renew",
            "Timestamp files again, so that they hold for longer.",
        ),
    },
    "The notary office": {
        "notary": ("ledger.cli.notary.group:notary", "Run and look after a notary."),
    },
    "This program": {
        "completion": (
            "ledger.cli.completion:completion",
            "Print a script that completes commands in a shell.",
        ),
    },
}


@click.command(
    cls=Program,
    sections=_SECTIONS,
    help=_HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(VERSION, message="%(prog)s %(version)s")
@click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    expose_value=False,
    help="Language of what is said. Default: from LANG.",
)
def cli() -> None:
    """The program."""


def commands() -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield the program and every command below it, with the words that call it."""
    todo: list[tuple[tuple[str, ...], click.Command]] = [(("sealbook",), cli)]
    while todo:
        path, command = todo.pop(0)
        yield path, command
        if isinstance(command, LazyGroup):
            tables = command.table.items()
            todo += [((*path, name), _load(place)) for name, (place, _) in tables]
        elif isinstance(command, click.Group):
            todo += [((*path, name), each) for name, each in command.commands.items()]
