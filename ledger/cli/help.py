"""Help in another language: copies of commands, their texts translated, wide characters counted as two.

A help text is translated by paragraphs, each one message; of examples, which begin with their title,
only that.
"""

import copy
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import TypeVar

import click

from ledger.cli import text
from ledger.cli.speech import _, language
from ledger.language import ENGLISH, Message, translated

AS_IT_IS = "\b\n"
"""Begins a paragraph whose lines are not wrapped."""
_SENTENCE = re.compile(r"。|\.(?: |$)")
_EXAMPLES = ("Example:", "Examples:")

_TYPES: dict[str, Message] = {
    "text": "TEXT",
    "integer": "INTEGER",
    "float": "NUMBER",
    "integer range": "INTEGER",
    "float range": "NUMBER",
    "path": "PATH",
    "file": "FILE",
    "directory": "FOLDER",
}
"""What click calls the types of values, and what help and errors call them in another language."""

C = TypeVar("C", bound=click.Command)


def spoken(command: C) -> C:
    """Return a command whose help is in this process's language, its first sentence whole in lists."""
    copied = copy.copy(command)
    if language() != ENGLISH:
        copied.context_class = _Context
        copied.help, copied.epilog = _texts(command.help), _texts(command.epilog)
        copied.params = [_parameter(each) for each in command.params]
        copied._help_option = None  # which click keeps in the language it was first asked for in
    if copied.help and copied.short_help is None:
        copied.short_help = _SENTENCE.split(_message(_paragraphs(copied.help)[0]), maxsplit=1)[0]
    if isinstance(copied, click.Group):
        copied.commands = {name: spoken(each) for name, each in copied.commands.items()}
    return copied


def messages(command: click.Command) -> Iterator[str]:
    """Yield the messages of a command's help, for the catalogue."""
    options = [each.help for each in command.params if isinstance(each, click.Option)]
    for each in (command.help, command.epilog, *options):
        for paragraph in _paragraphs(each):
            yield _message(paragraph)


def _paragraphs(help_text: str | None) -> list[str]:
    return inspect.cleandoc(help_text).split("\n\n") if help_text else []


def _message(paragraph: str) -> str:
    if not paragraph.startswith(AS_IT_IS):
        return " ".join(paragraph.split())
    lines = paragraph.removeprefix(AS_IT_IS)
    title = lines.partition("\n")[0]
    return title if title in _EXAMPLES else lines


def _texts(help_text: str | None) -> str | None:
    return "\n\n".join(map(_text, _paragraphs(help_text))) if help_text else help_text


def _text(paragraph: str) -> str:
    message = _message(paragraph)
    said = translated(message, language())
    if not paragraph.startswith(AS_IT_IS):
        return said
    return AS_IT_IS + paragraph.removeprefix(AS_IT_IS).replace(message, said, 1)


def _parameter(parameter: click.Parameter) -> click.Parameter:
    copied = copy.copy(parameter)
    if isinstance(copied, click.Option):
        copied.help = _texts(copied.help)
    if copied.type.name in _TYPES:
        copied.type = copy.copy(copied.type)
        copied.type.name = _(_TYPES[parameter.type.name])
    return copied


class _Formatter(click.HelpFormatter):
    """Lays help out by columns of the terminal; click counts characters."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        head = f"{_('Usage:') if prefix is None else prefix.rstrip()} {prog} "
        margin = min(text.columns(head), self.width // 2)
        lines = text.wrap(args, self.width - margin)
        self.write(head + f"\n{' ' * margin}".join(lines) + "\n")

    def write_heading(self, heading: str) -> None:
        self.write(f"{' ' * self.current_indent}{heading}：\n")

    def write_text(self, text_: str) -> None:
        margin = " " * self.current_indent
        shown = []
        for paragraph in text_.split("\n\n"):
            as_it_is = paragraph.startswith(AS_IT_IS)
            lines = (
                paragraph.removeprefix(AS_IT_IS).rstrip().split("\n")
                if as_it_is
                else text.wrap(paragraph, self.width - self.current_indent)
            )
            shown.append("\n".join((margin + line).rstrip() for line in lines))
        self.write("\n\n".join(shown) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        rows = list(rows)
        widest = max((text.columns(term) for term, _ in rows), default=0)
        margin = self.current_indent
        column = margin + min(widest, col_max) + col_spacing
        for term, said in rows:
            head = " " * margin + term
            lines = text.wrap(said, self.width - column) if said else []
            if lines and text.columns(head) <= column - col_spacing:
                head += " " * (column - text.columns(head)) + lines.pop(0)
            self.write("\n".join([head, *(" " * column + line for line in lines)]) + "\n")


class _Context(click.Context):
    formatter_class = _Formatter
