"""What a room imports, the installation for it brings; and nothing else."""

import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.core.test_floors import IMPORTS, MODULES, _reachable, _within

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = packages_distributions()


def named(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(each).name) for each in requirements}


BASE = named(PROJECT["dependencies"])
EXTRAS = {name: named(each) for name, each in PROJECT["optional-dependencies"].items()}
ASKED_FOR = BASE.union(*EXTRAS.values())
OFFICE = BASE.union(
    *(EXTRAS[each] for each in ("notary", "hsm", "postgres", "objects", "telemetry"))
)


def imported(*rooms: str) -> set[str]:
    """The distributions that the rooms import, also through others of ours."""
    found: set[str] = set()
    for start in (module for module in MODULES if _within(module, *rooms)):
        for module in _reachable(start):
            tops = {name.split(".")[0] for name in IMPORTS[module]}
            for top in tops - sys.stdlib_module_names - {"ledger", "api"}:
                names = {canonicalize_name(each) for each in DISTRIBUTIONS[top]}
                found |= (names & ASKED_FOR) or names  # of those that share a name, what we ask for
    return found


@pytest.mark.parametrize(
    ("rooms", "installed"),
    [
        (("ledger.verify", "ledger.cli.court", "ledger.cli.root", "ledger.evidence"), BASE),
        (("ledger.company", "ledger.cli.company", "ledger.cli.verify"), BASE | EXTRAS["company"]),
        (("ledger.notary", "ledger.cli.notary", "api"), OFFICE),
    ],
    ids=["court", "company", "notary"],
)
def test_what_a_room_imports_is_installed_for_it(
    rooms: tuple[str, ...], installed: set[str]
) -> None:
    assert imported(*rooms) - installed == set()


def test_the_base_is_what_the_court_imports() -> None:
    # platformdirs: where a vault would be, for a receipt of one's own.
    assert BASE - imported("ledger.cli.court", "ledger.cli.root") == {"platformdirs"}


def test_a_notary_without_a_bucket_imports_nothing_for_one() -> None:
    script = (
        "import sys, ledger.notary.notary, ledger.notary.care.fsck, api.app\n"
        "print('obstore' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False"]
