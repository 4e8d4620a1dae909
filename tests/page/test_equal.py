"""The page's core says of every file what the Python core says: in Node, elsewhere in a browser."""

import json
import subprocess
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.page import corpus
from tests.page.files import Case

PARTS = 2


def answers(program: Path, folder: Path) -> list[dict[str, Any]]:
    """What the page's core says of the cases in a folder."""
    with (folder / "cases.jsonl").open() as cases:
        done = subprocess.run(
            ["node", str(program), str(folder)], stdin=cases, capture_output=True, check=True
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


def differences(program: Path, cases: Iterable[Case]) -> tuple[int, list[str]]:
    """How many cases there were, and of each that the cores answer differently a text for people."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = corpus.write(folder, cases)
        said = answers(program, folder)
    assert len(said) == len(found)
    return len(found), [
        f"{case.name}\n  core: {_first(ours, theirs)}\n  page: {_first(theirs, ours)}"
        for (case, ours), theirs in zip(found, said, strict=True)
        if corpus.comparable(ours) != corpus.comparable(theirs)
    ]


def _first(one: dict[str, Any], other: dict[str, Any]) -> str:
    """The first claim of a verdict that another has not, or all of it."""
    for mine, its in zip(one.get("reports", ()), other.get("reports", ()), strict=False):
        for claim in mine["claims"]:
            if claim not in its["claims"]:
                return json.dumps(claim, ensure_ascii=False)[:600]
    return json.dumps(one, ensure_ascii=False)[:600]


def _part(program: Path, part: int) -> tuple[int, list[str]]:
    return differences(program, corpus.changed(part, PARTS))


def test_equal_on_every_golden_file_and_on_what_once_differed(program: Path) -> None:
    count, found = differences(program, [*corpus.golden(), *corpus.kept()])
    assert not found, "\n".join(found)
    assert count > 150


def test_equal_where_hash_functions_are_doubted(program: Path) -> None:
    count, found = differences(program, corpus.doubted())
    assert not found, "\n".join(found)
    assert count > 100


def test_equal_on_inspection_records(program: Path) -> None:
    count, found = differences(program, corpus.inspected())
    assert not found, "\n".join(found)
    assert count > 80


def test_equal_on_a_fifth_of_the_changed_files(program: Path) -> None:
    count, found = differences(program, corpus.changed(0, 5))
    assert not found, f"{len(found)} differ:\n" + "\n".join(found[:20])
    assert count >= 400


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_equal_on_2000_changed_files(program: Path) -> None:
    with ProcessPoolExecutor(PARTS, get_context("spawn")) as processes:
        parts = list(processes.map(_part, [program] * PARTS, range(PARTS)))
    found = [each for _, texts in parts for each in texts]
    assert not found, f"{len(found)} differ:\n" + "\n".join(found[:20])
    assert sum(count for count, _ in parts) >= 2_000
