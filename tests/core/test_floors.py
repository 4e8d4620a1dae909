"""The house holds: a room for each party, arrows that go down only, no circle, and a pure core."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS = (
    ("ledger.quoted", "ledger.program", "ledger.children", "ledger.limits", "ledger.numerals"),
    ("ledger.errors", "ledger.language", "ledger.recognised", "ledger.dates"),
    ("ledger.encoding", "ledger.reading", "ledger.lines"),
    ("ledger.crypto",),
    ("ledger.chain",),
    ("ledger.verify", "ledger.disk", "ledger.wire"),
    ("ledger.evidence",),
    ("ledger.court",),
    ("ledger.company", "ledger.notary", "ledger.witness", "ledger.auditor"),
    ("ledger.cli", "ledger.__main__", "api"),
)
"""The rooms from the ground up. A room imports from its own floor only what is its own."""

CLOSED = {
    "ledger.company": ("ledger.notary", "ledger.cli", "api"),
    "ledger.notary": ("ledger.company", "ledger.evidence", "ledger.court", "ledger.cli", "api"),
    "ledger.witness": (
        "ledger.company",
        "ledger.notary",
        "ledger.evidence",
        "ledger.court",
        "ledger.auditor",
        "ledger.cli",
        "api",
    ),
    "ledger.auditor": (
        "ledger.company",
        "ledger.notary",
        "ledger.evidence",
        "ledger.court",
        "ledger.witness",
        "ledger.cli",
        "api",
    ),
    "ledger.evidence": ("ledger.company", "ledger.notary", "ledger.court", "ledger.cli", "api"),
    "ledger.court": ("ledger.company", "ledger.notary", "ledger.cli", "api"),
    "ledger.cli.company": ("ledger.notary", "ledger.cli.notary", "api"),
    "ledger.cli.court": (
        "ledger.company",
        "ledger.notary",
        "ledger.cli.company",
        "ledger.cli.notary",
    ),
    "ledger.cli.notary": ("ledger.company", "ledger.cli.company"),
    "api": ("ledger.company", "ledger.cli"),
}
"""room -> what it never imports, also not through others."""

PURE = ("ledger.errors", "ledger.encoding", "ledger.dates", "ledger.numerals", "ledger.reading",
        "ledger.lines",
        "ledger.crypto", "ledger.chain", "ledger.verify",
        "ledger.evidence.partial", "ledger.evidence.manifest")  # fmt: skip
INPUT_AND_OUTPUT = {
    "asyncio", "fcntl", "httpx2", "multiprocessing", "os", "pathlib", "secrets", "select", "shutil",
    "signal", "socket", "sqlite3", "sqlite_utils", "subprocess", "tempfile", "threading", "time",
}  # fmt: skip
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for top in ("ledger", "api") for path in (ROOT / top).rglob("*.py")}


def _within(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def _floor(module: str) -> int:
    if module == "ledger":  # the public face, which is made of what lies below
        return len(FLOORS)
    return next(n for n, rooms in enumerate(FLOORS) if _within(module, *rooms))


def _statements(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports that happen when the module or a function of it runs; types alone do not."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)):
            yield from _statements(node)


def _imports(module: str) -> set[str]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found: set[str] = set()
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
            continue
        base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
        parent = f"{base}.{node.module or ''}".strip(".") if node.level else node.module or ""
        for alias in node.names:
            submodule = f"{parent}.{alias.name}"
            found.add(submodule if submodule in MODULES else parent)
    return found


IMPORTS = {module: _imports(module) for module in MODULES}
OURS = {module: {name for name in IMPORTS[module] if name in MODULES} for module in MODULES}


def _reachable(start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += OURS[module]
    return seen


def _room(prefix: str) -> list[str]:
    found = [module for module in MODULES if _within(module, prefix)]
    assert found, f"no such room: {prefix}"
    return found


def test_every_module_has_a_floor() -> None:
    assert len(MODULES) > 100
    assert {_floor(module) for module in MODULES} == set(range(len(FLOORS) + 1))


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module: str) -> None:
    above = {name for name in OURS[module] if _floor(name) > _floor(module)}
    assert not above, f"{module} imports {sorted(above)}"


@pytest.mark.parametrize("room", CLOSED)
def test_a_room_has_no_door_to_another_partys(room: str) -> None:
    through = {
        (module, other)
        for module in _room(room)
        for other in _reachable(module)
        if _within(other, *CLOSED[room])
    }
    assert not through


def test_no_module_imports_itself_through_others() -> None:
    TopologicalSorter(OURS).prepare()


@pytest.mark.parametrize("room", PURE)
def test_the_core_reads_no_clock_no_file_and_no_network(room: str) -> None:
    offenders = {
        (module, name)
        for module in _room(room)
        for name in IMPORTS[module]
        if name.split(".")[0] in INPUT_AND_OUTPUT
    }
    assert not offenders


@pytest.mark.parametrize("room", ["ledger.cli.company", "ledger.cli.court", "ledger.cli.verify"])
def test_company_and_court_import_nothing_that_only_posix_has(room: str) -> None:
    reachable = {module for start in _room(room) for module in _reachable(start)}
    assert "ledger.verify" in reachable
    offenders = {
        (module, name)
        for module in reachable
        for name in IMPORTS[module]
        if name.split(".")[0] in POSIX_ONLY
    }
    assert not offenders


def test_one_module_makes_files_durable() -> None:
    calling = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute | ast.Name)
        and {getattr(node, "attr", ""), getattr(node, "id", "")} & {"fsync", "fdatasync"}
    }
    assert calling == {"ledger.disk.files"}


def test_a_receipt_without_timestamps_loads_nothing_that_reads_them() -> None:
    script = (
        "import sys; from tests.simulator import Office; from ledger.verify import verify_receipt\n"
        "office = Office(); verify_receipt(office.receipt(), office.trust())\n"
        "rooms = ('timestamp.', 'renewal', 'attesting', 'timing')\n"
        "names = ('ledger.crypto.der', *(f'ledger.chain.{room}' for room in rooms))\n"
        "print(*[module for module in sys.modules if module.startswith(names)])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["ledger.chain.timestamp.authority"]
