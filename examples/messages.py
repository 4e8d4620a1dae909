"""Extracts every message of ours from the sources, for the catalogue of translations.

What is annotated `Message` is a message: the values of a table, a field, an argument, a return value;
so are the strings that click itself shows, texts of commands and options, `_("…")` in templates, what
rules of law ask, and the sentences of errors. An error's f-string becomes a message with `{0}`, `{1}`
for what is put in: `ledger.recognised` finds it by that.
"""

import ast
import errno
import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from itertools import chain, count, product
from pathlib import Path

import click
from babel.messages.extract import extract_from_dir, extract_from_file

from ledger.cli.help import messages
from ledger.cli.root import commands

ROOT = Path(__file__).parents[1]
SOURCES = ("ledger", "api")
MARK = "Message"
"""The annotation."""
_ERRORS = ("SealbookError", "ClickException", "UsageError", "BadParameter")
"""Classes whose kin have sentences for a person; `fail` raises one of click's."""
_CLICK = sorted(Path(click.__file__).parent.glob("*.py"))
_ERRNOS = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOSPC,
    errno.EROFS, errno.EIO, errno.ENOTEMPTY, errno.EMFILE, errno.ECONNREFUSED, errno.EADDRINUSE,
    errno.EADDRNOTAVAIL, errno.ENAMETOOLONG, errno.EBUSY, errno.ETIMEDOUT, errno.EDQUOT, errno.EFBIG,
    errno.ELOOP, errno.EINVAL, errno.ECONNRESET, errno.EHOSTUNREACH, errno.ENETUNREACH,
)  # fmt: skip
_ENUMERATED = ("Rule",)
"""Enumerations whose values are sentences."""
_LAW = ("article", "version", "asks")
"""Keys of a rule of law that are shown."""
_SENTENCE = re.compile(r"(?:\b[a-z]{2,}\b[ ,;:]+){2}\b[a-z]{2,} [a-z]{2,}")
"""Four words in a row, and no list of names."""
_SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE)\b")
_LOGS = ("_log", "log")
_QUOTED_ERRORS = (
    "TypeError", "ValueError", "OSError", "HTTPException", "ConnectError", "InvalidSignature",
)  # fmt: skip
"""Errors whose text nobody sees, or only as a quoted value."""
_TR = re.compile(r'\btr\(\s*("(?:[^"\\\n]|\\.)*")')

Key = tuple[str, str]
"""A message's context, "" for none, and its English."""


def extract() -> dict[Key, set[str]]:
    """Return every message, and the files that it stands in."""
    found: dict[Key, set[str]] = {}
    sources = (_python, _help, _system, _laws, _click, _templates, typescript)
    for message, place in chain.from_iterable(each() for each in sources):
        context, _, text = message.rpartition("\x04")
        if text:
            found.setdefault((context, text), set()).add(place)
    return found


def _python() -> Iterator[tuple[str, str]]:
    trees = {
        str(path.relative_to(ROOT)): list(ast.walk(ast.parse(path.read_text())))
        for folder in SOURCES
        for path in sorted((ROOT / folder).rglob("*.py"))
    }
    signatures = Signatures()
    for place, tree in trees.items():
        signatures.collect(tree, Path(place).stem)
    for name in (*_errors(trees.values()), "fail"):
        signatures.found.setdefault(name, {(0, "message")})
    for place, tree in trees.items():
        for message in _marked(tree, signatures):
            yield message, place


def _help() -> Iterator[tuple[str, str]]:
    for path, command in commands():
        yield from ((message, " ".join(path)) for message in messages(command))


def _system() -> Iterator[tuple[str, str]]:
    """Yield what the system says of a file or a connection, as it stands within errors."""
    yield from ((os.strerror(each), "errno") for each in _ERRNOS)


def _laws() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "ledger/company/measures/rules").rglob("*.toml")):
        rule = tomllib.loads(path.read_text())
        if rule["read"]:
            yield from ((rule[key], path.name) for key in _LAW)


def _click() -> Iterator[tuple[str, str]]:
    yield "required", "click"  # which it looks up by a variable
    for path in _CLICK:
        for _, message, _, _ in extract_from_file("python", path):
            yield (message if isinstance(message, str) else message[0]), "click"


def plurals() -> dict[str, str]:
    """Return the second form of click's messages that have two, by the first."""
    return {
        message[0]: message[1]
        for path in _CLICK
        for _, message, _, _ in extract_from_file("python", path)
        if not isinstance(message, str)
    }


def _templates() -> Iterator[tuple[str, str]]:
    methods = [("court/page/**", "ignore"), ("**.html", "jinja2"), ("**.xml", "jinja2")]
    for folder in SOURCES:
        for name, _, message, _, context in extract_from_dir(ROOT / folder, methods):
            text = message if isinstance(message, str) else message[0]
            yield (f"{context}\x04{text}" if context else text), name


def typescript() -> Iterator[tuple[str, str]]:
    """Yield what the verifier page says itself: each literal that it hands to `tr`."""
    for path in sorted((ROOT / "page/src").rglob("*.ts")):
        for text in _TR.findall(path.read_text()):
            yield ast.literal_eval(text), str(path.relative_to(ROOT))


@dataclass(slots=True)
class Signatures:
    """Which arguments of which function, method or class are messages: (position, name) by its name."""

    found: dict[str, set[tuple[int, str]]] = field(default_factory=dict)
    modules: dict[str, set[str]] = field(default_factory=dict)
    """The modules of functions that are no methods: called by name, or as `module.name`."""
    methods: set[str] = field(default_factory=set)
    """Names of methods, which are never called by their name alone."""

    def of(self, called: ast.expr) -> set[tuple[int, str]]:
        """Return the arguments that are messages of what is called."""
        name = _name(called)
        if isinstance(called, ast.Attribute) and name in self.modules:
            return self.found[name] if _name(called.value) in self.modules[name] else set()
        if isinstance(called, ast.Name) and name in self.methods - self.modules.keys():
            return set()
        return self.found.get(name, set())

    def collect(self, nodes: list[ast.AST], module: str) -> None:
        top = {id(each) for each in getattr(nodes[0], "body", ())}
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                self._add(node.name, _constructed(node))
            elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
                arguments = [*node.args.posonlyargs, *node.args.args]
                bound = bool(arguments) and arguments[0].arg in ("self", "cls")
                if bound:
                    self.methods.add(node.name)
                named = [*arguments[bound:], *node.args.kwonlyargs]
                name = node.name
                self._add(name, ((ast.Name(each.arg), each.annotation) for each in named))
                if id(node) in top and any(
                    each.annotation is not None and _is_message(each.annotation) for each in named
                ):
                    self.modules.setdefault(name, set()).add(module)

    def _add(self, name: str, typed: Iterable[tuple[ast.expr, ast.expr | None]]) -> None:
        for position, (target, annotation) in enumerate(typed):
            if annotation is not None and _is_message(annotation) and isinstance(target, ast.Name):
                self.found.setdefault(name, set()).add((position, target.id))


def _constructed(node: ast.ClassDef) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield what a class is made of: the arguments of its `__init__`, else its fields."""
    for each in node.body:
        if isinstance(each, ast.FunctionDef) and each.name == "__init__":
            named = [*each.args.posonlyargs, *each.args.args][1:] + each.args.kwonlyargs
            yield from ((ast.Name(one.arg), one.annotation) for one in named)
            return
    for each in node.body:
        if isinstance(each, ast.AnnAssign):
            yield each.target, each.annotation


def _marked(nodes: list[ast.AST], signatures: Signatures) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            yield from _by_type(node.annotation, node.value)
        elif isinstance(node, ast.FunctionDef):
            if node.returns is None or MARK not in ast.dump(node.returns):
                continue
            for each in ast.walk(node):
                match node.returns, each:
                    case returned, ast.Return(value=ast.expr() as value):
                        yield from _by_type(returned, value)
                    case ast.Subscript(slice=yielded), ast.Yield(value=ast.expr() as value):
                        yield from _by_type(yielded, value)
        elif isinstance(node, ast.ClassDef) and node.name in _ENUMERATED:
            yield from (
                text
                for each in node.body
                if isinstance(each, ast.Assign)
                for text in _texts(each.value)
            )
        elif isinstance(node, ast.ClassDef) and node.name in signatures.found:
            yield from _handed_up(node)
        elif isinstance(node, ast.Call):
            for position, argument in signatures.of(node.func):
                yield from (
                    text
                    for n, each in enumerate(node.args)
                    if n == position
                    for text in _texts(each)
                )
                yield from (
                    text
                    for each in node.keywords
                    if each.arg == argument
                    for text in _texts(each.value)
                )


def _errors(trees: Iterable[list[ast.AST]]) -> set[str]:
    """Return the names of all classes of errors that a person may be told of."""
    classes = [each for nodes in trees for each in nodes if isinstance(each, ast.ClassDef)]
    names = set(_ERRORS)
    while more := {each.name for each in classes if names & set(map(_name, each.bases))} - names:
        names |= more
    return names


def _handed_up(error: ast.ClassDef) -> Iterator[str]:
    """Yield the sentence that a class of errors makes itself."""
    for node in ast.walk(error):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"),
                args=[sentence, *_],
            ):
                yield from _texts(sentence)


def _name(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_message(annotation: ast.expr) -> bool:
    match annotation:
        case ast.Name(id=name):
            return name == MARK
        case ast.BinOp(left=left, right=right):
            return _is_message(left) or _is_message(right)
    return False


def _by_type(annotation: ast.expr, value: ast.expr) -> Iterator[str]:
    """Yield the texts of a value that stand where its annotation says `Message`."""
    match annotation, value:
        case ast.Subscript(slice=ast.Tuple(elts=[named, inner])), ast.Dict(
            keys=keys, values=values
        ):
            for key, each in zip(keys, values, strict=True):
                if key is not None:
                    yield from _by_type(named, key)
                yield from _by_type(inner, each)
        case ast.Subscript(slice=ast.Tuple(elts=[inner, ast.Constant(value=value)])), ast.Tuple(
            elts=elements
        ) if value is Ellipsis:
            for each in elements:
                yield from _by_type(inner, each)
        case ast.Subscript(slice=ast.Tuple(elts=types)), ast.Tuple(elts=elements):
            for inner, each in zip(types, elements, strict=True):
                yield from _by_type(inner, each)
        case ast.Subscript(slice=inner), ast.List(elts=elements):
            for each in elements:
                yield from _by_type(inner, each)
        case _, ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _by_type(annotation, left)
            yield from _by_type(annotation, right)
        case _ if _is_message(annotation):
            yield from _texts(value)


def _texts(node: ast.expr) -> Iterator[str]:
    """Yield the messages that an expression may be; what is put into an f-string becomes {0}, {1}."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr() | ast.BinOp():
            for parts in _parts(node):
                number = count()
                yield "".join(f"{{{next(number)}}}" if each is None else each for each in parts)
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _texts(each)


def _parts(node: ast.expr) -> Iterator[tuple[str | None, ...]]:
    """Yield what a text may be put together of, None for a value."""
    match node:
        case ast.Constant(value=str(text)):
            yield (text.replace("{", "{{").replace("}", "}}"),)
        case ast.JoinedStr(values=values):
            for each in product(*map(_parts, values)):
                yield sum(each, ())
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            for first, second in product(_parts(left), _parts(right)):
                yield first + second
        case ast.IfExp(body=body, orelse=other):
            yield from _parts(body)
            yield from _parts(other)
        case ast.FormattedValue(value=ast.IfExp() as either):
            yield from _parts(either)
        case _:
            yield (None,)


def unmarked(folders: Iterable[str], known: Set[str]) -> Iterator[tuple[str, str]]:
    """Yield what reads like a sentence and is no known message, and where it stands.

    Documentation, help, logs, SQL and the texts of errors that are only quoted are left out.
    """
    for path in sorted(each for folder in folders for each in (ROOT / folder).rglob("*.py")):
        for node in _literals(ast.parse(path.read_text())):
            for text in _texts(node):
                said = text.rpartition("\x04")[2]
                if said not in known and _SENTENCE.search(said) and not _SQL.search(said):
                    yield said, f"{path.relative_to(ROOT)}:{node.lineno}"


def _literals(node: ast.AST) -> Iterator[ast.expr]:
    match node:
        case ast.JoinedStr() | ast.BinOp() | ast.Constant():
            yield node
        case ast.Expr(value=ast.Constant()) | ast.keyword(arg="help" | "epilog"):
            return
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name in _LOGS:
            return
        case ast.Call(func=called) if _name(called) in _QUOTED_ERRORS:
            return
        case _:
            for each in ast.iter_child_nodes(node):
                yield from _literals(each)
