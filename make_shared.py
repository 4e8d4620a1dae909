"""Writes what a system shows of a program, from the commands themselves, when a wheel is built.

A manual page for each command, and the scripts with which bash, zsh and fish complete them.

python make_shared.py FOLDER
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand
    BuildHookInterface = object


class Shared(BuildHookInterface):
    """Puts pages and scripts into the wheel's share/."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the files and tell the builder of them."""
        if self.target_name != "wheel" or version == "editable":
            return
        self._folder = TemporaryDirectory()
        folder = Path(self._folder.name)
        sys.path.insert(0, self.root)
        shared = build_data.setdefault("shared_data", {})
        for page in write_pages(folder):
            shared[str(page)] = f"share/man/man1/{page.name}"
        for script, place in write_completions(folder).items():
            shared[str(script)] = f"share/{place}"


def write_completions(folder: Path) -> dict[Path, str]:
    """Write a script for each shell; return where, and the place under share/ where it looks."""
    from ledger.cli.completion import PLACES, script

    written = {}
    for shell, place in PLACES.items():
        path = folder / f"completion.{shell}"
        path.write_text(script(shell))
        written[path] = place
    return written


def write_pages(folder: Path) -> list[Path]:
    """Write a page for the program and for each of its commands; return where."""
    from ledger.cli.root import commands

    written = []
    for path, command in commands():
        written.append(folder / f"{'-'.join(path)}.1")
        written[-1].write_text(_page(path, command))
    return written


def _page(path: tuple[str, ...], command: click.Command) -> str:
    from ledger.program import VERSION

    context = click.Context(command, info_name=" ".join(path))
    name = "-".join(path)
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "{name.upper()}" 1 "" "sealbook {VERSION}" "Sealbook"',
        ".SH NAME",
        _text(f"{name} - {command.get_short_help_str(200)}"),
        ".SH SYNOPSIS",
        f".B {_text(' '.join(path))}",
        _text(usage),
        ".SH DESCRIPTION",
        *_blocks(command.help or ""),
    ]
    records = [
        record
        for each in command.get_params(context)
        if (record := each.get_help_record(context)) is not None and record[1]
    ]
    if records:
        lines.append(".SH OPTIONS")
        for option, text in records:
            lines += [".TP", f".B {_text(option)}", _text(text)]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        for child in command.list_commands(context):
            lines += [".TP", f".BR {_text('-'.join([*path, child]))} (1)"]
    if command.epilog:
        examples = command.epilog.partition(":\n")[2].splitlines()
        lines += [".SH EXAMPLES", ".nf", *map(_text, examples), ".fi"]
    return "\n".join(lines) + "\n"


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs; those that begin with click's mark for it keep their lines."""
    for block in text.split("\n\n"):
        kept = block.lstrip().startswith("\b")
        lines = [line for line in block.replace("\b", "").splitlines() if line.strip()]
        yield ".PP"
        if kept:
            yield from (".nf", *map(_text, lines), ".fi")
        else:
            yield from (_text(line.strip()) for line in lines)


def _text(text: str) -> str:
    r"""Escape what roff takes for its own: \, -, and a dot or quote at the start of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
    write_completions(Path(sys.argv[1]))
