"""The house holds: imports go down only, and company and court code runs where POSIX does not."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

FLOORS = {
    "ledger.errors": 0,
    "ledger.encoding": 0,
    "ledger.quoted": 0,
    "ledger.crypto": 1,
    "ledger.chain": 2,
    "ledger.adapters": 4,
    "ledger.notary": 4,
    "ledger.cli": 5,
    "ledger.__main__": 5,
    "api": 5,
}
USE_CASES = 3
POSIX_ONLY = {"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for top in ("ledger", "api") for path in (ROOT / top).rglob("*.py")}


def _floor(module: str) -> int:
    for prefix, floor in FLOORS.items():
        if module == prefix or module.startswith(prefix + "."):
            return floor
    return USE_CASES


def _imports(module: str) -> Iterator[str]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            parent = (
                node.module or "" if not node.level else f"{base}.{node.module or ''}".strip(".")
            )
            yield parent
            yield from (f"{parent}.{alias.name}" for alias in node.names)


def _ours(module: str) -> set[str]:
    return {name for name in _imports(module) if name in MODULES and name != "ledger"}


def test_the_house_has_modules() -> None:
    assert len(MODULES) > 20


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_go_down_only(module: str) -> None:
    above = {name for name in _ours(module) if _floor(name) > _floor(module)}
    assert not above, f"{module} (floor {_floor(module)}) imports {sorted(above)}"


def _reachable(start: str) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += _ours(module)
    return seen


@pytest.mark.parametrize("command", ["ledger.cli.company.deposit", "ledger.cli.court.verify"])
def test_company_and_court_import_nothing_that_only_posix_has(command: str) -> None:
    reachable = _reachable(command)
    assert "ledger.verify" in reachable
    offenders = {
        (module, name)
        for module in reachable
        for name in _imports(module)
        if name.split(".")[0] in POSIX_ONLY
    }
    assert not offenders
