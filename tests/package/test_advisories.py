"""No version with a published advisory is pinned, and none can be installed that our floors allow."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Advisory:
    package: str
    affected: SpecifierSet
    id: str
    source: str

    @property
    def fixed(self) -> Version:
        """The first version that is not affected."""
        (end,) = [each.version for each in self.affected if each.operator == "<"]
        return Version(end)


LIST = [
    Advisory(each["package"], SpecifierSet(each["affected"]), each["id"], each["source"])
    for each in tomllib.loads((ROOT / "tests/package/advisories.toml").read_text())["advisory"]
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"].values()
DIRECT = [
    Requirement(each)
    for each in (*PROJECT["project"]["dependencies"], *(name for extra in EXTRAS for name in extra))
]
DEVELOPMENT = [Requirement(each) for each in PROJECT["dependency-groups"]["dev"]]


def pins(lock: str) -> dict[str, Version]:
    """What a lock file pins, by name."""
    found = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", lock, re.M)
    return {canonicalize_name(name): Version(version) for name, version in found}


def affected(pinned: dict[str, Version], advisories: Iterable[Advisory]) -> Iterator[str]:
    """Name each pin that an advisory is about."""
    for each in advisories:
        if each.affected.contains(pinned[each.package], prereleases=True):
            yield f"{each.package} {pinned[each.package]}: {each.id}, fixed in {each.fixed}"


def too_low(requirements: Iterable[Requirement], advisories: list[Advisory]) -> Iterator[str]:
    """Name each requirement that allows a version that an advisory is about."""
    for requirement in requirements:
        low = [each.version for each in requirement.specifier if each.operator in (">=", "==")]
        for each in advisories:
            if each.package == canonicalize_name(requirement.name) and (
                not low or Version(low[0]) < each.fixed
            ):
                yield f"{requirement}: {each.id}, fixed in {each.fixed}"


def installed_with_us() -> set[str]:
    """The packages that an installation of ours brings along on this platform."""
    found: set[str] = set()
    waiting = [(each, "") for each in DIRECT]
    while waiting:
        requirement, extra = waiting.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        try:
            below = [Requirement(each) for each in requires(name) or ()]
        except PackageNotFoundError:
            continue
        if name not in found or requirement.extras:
            found.add(name)
            waiting += [(each, extra) for each in below for extra in ("", *requirement.extras)]
    return found


NO_FLOOR = {"pip"}
"""What installs us is there before us; sqlite-utils names it, and nothing of ours runs it."""
LOCK = pins((ROOT / "requirements.lock").read_text())


def test_no_pinned_version_has_a_known_advisory() -> None:
    assert len(LOCK) > 60
    assert list(affected(LOCK, LIST)) == []


def test_no_floor_is_below_a_known_advisory() -> None:
    assert list(too_low([*DIRECT, *DEVELOPMENT], LIST)) == []


def test_what_comes_along_has_a_floor_where_there_is_an_advisory() -> None:
    """Who installs the wheel gets no lock file: the floor has to stand in pyproject.toml."""
    ours = {canonicalize_name(each.name) for each in DIRECT}
    along = installed_with_us()
    assert {"starlette", "lxml", "h11", "cffi"} <= along
    assert {each.package for each in LIST if each.package in along} - ours == NO_FLOOR


def test_every_direct_dependency_has_a_floor_that_the_lock_keeps() -> None:
    for each in [*DIRECT, *DEVELOPMENT]:
        assert each.specifier, each
        assert each.specifier.contains(LOCK[canonicalize_name(each.name)]), each


@pytest.mark.parametrize("advisory", LIST, ids=lambda each: each.id)
def test_the_audit_sees_a_version_just_below_the_fix(advisory: Advisory) -> None:
    release = list(advisory.fixed.release)
    last = max(at for at, number in enumerate(release) if number)
    below = [*release[:last], release[last] - 1, *(99 for _ in release[last + 1 :])]
    old = Version(".".join(map(str, below)))
    assert list(affected({advisory.package: old}, [advisory]))
    assert not list(affected({advisory.package: advisory.fixed}, [advisory]))
    allowed = Requirement(f"{advisory.package}>={old}")
    assert list(too_low([allowed, Requirement(advisory.package)], [advisory]))[1:]


def test_the_list_is_about_the_lock_and_names_its_sources() -> None:
    assert {each.package for each in LIST} <= LOCK.keys()
    assert len({each.id for each in LIST}) == len(LIST)
    assert [each.package for each in LIST] == sorted(each.package for each in LIST)
    assert all(re.fullmatch(r"CVE-\d{4}-\d{4,}|GHSA(-\w{4}){3}", each.id) for each in LIST)
    assert all(each.source.startswith("https://") for each in LIST)
