"""The program as a whole: help, errors, languages, start-up, portability."""

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ledger.cli import root
from ledger.cli.root import cli
from tests.cli.conftest import Company, run
from tests.core.test_floors import MODULES, POSIX_ONLY, _reachable, _room

ROOT = Path(__file__).parents[2]


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


ALL = list(commands(cli))


def test_there_are_the_commands_of_three_audiences() -> None:
    assert {("deposit",), ("verify",), ("notary", "enroll"), ("receipt", "unpack")} <= set(ALL)


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_explains_itself_with_an_example(path: tuple[str, ...]) -> None:
    shown = run(*path, "--help").output
    assert "Example" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


@pytest.mark.parametrize("program", [["-m", "ledger"], ["cli.py"]], ids=" ".join)
def test_all_entry_points_are_one_program(program: list[str]) -> None:
    shown = subprocess.run(
        [sys.executable, *program, "--help"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert shown.stdout == run("--help").output.replace("Usage: cli", "Usage: sealbook")


def imported(arguments: list[str], home: str = "/nonexistent") -> set[str]:
    script = (
        "import sys\nfrom ledger.cli.root import cli\n"
        f"try: cli({arguments!r})\n"
        "except SystemExit: pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "SEALBOOK_HOME": home},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split())


def test_help_imports_nothing_heavy() -> None:
    heavy = {"cryptography", "nacl", "cbor2", "fastapi", "sqlite_utils", "rich", "httpx2"}
    assert not heavy & imported(["--help"])


def test_verifying_imports_no_network_database_or_service(company: Company) -> None:
    company.write("a.txt")
    company("deposit", "a.txt")
    trust, receipt = company.notary.trust_file, company.folder / "a.txt.receipt"
    heavy = {"fastapi", "sqlite_utils", "sqlite3", "rich", "httpx2", "filelock"}
    for seen in (
        imported(["verify", str(receipt), "--trust", str(trust)]),
        imported(["verify", str(receipt)], str(company.home)),
    ):
        assert "ledger.verify" in seen
        assert not heavy & seen
    assert "ledger.company.disclosing.opening" in seen


def _all_reachable(command: str) -> set[str]:
    return {each for module in _room(f"ledger.cli.{command}") for each in _reachable(module)}


@pytest.mark.parametrize("command", ["root", "verify", "company", "court"])
def test_company_and_court_code_imports_nothing_that_only_posix_has(command: str) -> None:
    for module in _all_reachable(command):
        names = set()
        for node in ast.walk(ast.parse(MODULES[module].read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add((node.module or "").partition(".")[0])
        assert not names & POSIX_ONLY, module


POSIX_CALLS = {
    "chown", "fchmod", "fork", "forkpty", "getegid", "geteuid", "getgid", "getpgid", "getuid",
    "killpg", "lchown", "mkfifo", "openpty", "pwritev", "setsid", "statvfs", "uname",
}  # fmt: skip


@pytest.mark.parametrize("command", ["root", "verify", "company", "court"])
def test_company_and_court_code_calls_nothing_that_only_posix_has(command: str) -> None:
    for module in _all_reachable(command):
        called = {
            node.attr
            for node in ast.walk(ast.parse(MODULES[module].read_text()))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "os"
        }
        assert not called & POSIX_CALLS, module


def test_the_company_works_where_files_have_one_position_only(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pread", "pwrite", "preadv", "pwritev"):
        monkeypatch.delattr(f"os.{name}")
    data = bytes(range(256)) * 12_000
    company.write("a.bin", data)
    company("deposit", "a.bin")
    company("open", "a.bin", "-o", "out")
    company("disclose", "a.bin", "-o", "a.evidence")
    assert (company.folder / "out" / "a.bin").read_bytes() == data
    assert company.json("verify", "a.evidence")["good"]


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["deposit", "--nonsense"], ["verify"], ["init"]], ids=" ".join
)
def test_wrong_usage_ends_with_2_and_names_the_help(arguments: list[str]) -> None:
    assert "--help" in run(*arguments, code=2).stderr


def test_an_unexpected_error_shows_a_sentence_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(root.LazyGroup, "invoke", broken)
    shown = run("list", code=1)
    assert "Please report" in shown.stderr
    assert "secret detail" not in shown.output


def test_a_traceback_comes_with_the_debug_variable_only(monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import sys; from ledger.cli.root import cli; cli(['list'])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"SEALBOOK_DEBUG": "1", "SEALBOOK_HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_an_error_is_one_json_object_for_machines() -> None:
    shown = run("list", "--json", code=1)
    error = json.loads(shown.stdout)["error"]
    assert error["code"] == "invalid-input"
    assert "sealbook init" in error["message"]


def test_a_reader_that_leaves_ends_the_program_quietly(company: Company) -> None:
    with company.spawn("list", "--json") as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait(30) in (0, 1)
        assert b"Traceback" not in process.stderr.read()
        assert b"Exception ignored" not in process.stderr.read()


def test_ctrl_c_is_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(root.LazyGroup, "invoke", interrupted)
    assert "sealbook: Stopped" in run("list", code=130).stderr


def test_without_arguments_the_program_shows_its_commands() -> None:
    shown = run(code=2).output
    assert "verify" in shown and "deposit" in shown
