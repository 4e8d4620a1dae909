"""What of mail libraries is private is used in one place, and of a version that was looked at."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from ledger.company.mail import aiosmtpd_parts, imap_parts

ROOT = Path(__file__).parents[2]
LOOKED_AT = {"aiosmtpd": aiosmtpd_parts.LOOKED_AT, "imap-tools": imap_parts.LOOKED_AT}
PRIVATE = re.compile(
    r"_handler_coroutine|_original_transport|_set_post_data_state|self\._reader\b"
    r"|client\.(?:_|read\b|readline\b|untagged_responses)"
)


@pytest.mark.parametrize("name", LOOKED_AT)
def test_the_version_in_use_is_the_one_that_was_looked_at(name: str) -> None:
    assert version(name) == LOOKED_AT[name], "read the module that names it, then change both"


@pytest.mark.parametrize("name", LOOKED_AT)
def test_no_version_is_installed_that_nobody_has_looked_at(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["company"]]
    (stated,) = (each for each in wanted if re.match(rf"{name}\b", each))
    bounds = re.fullmatch(rf"{name}>=([0-9.]+),<([0-9.]+)", stated)
    assert bounds is not None

    def numbers(text: str) -> list[int]:
        return [int(each) for each in text.split(".")]

    lower, upper = numbers(bounds[1]), numbers(bounds[2])
    known = numbers(LOOKED_AT[name])
    assert known[: len(lower)] == lower, "versions below were not looked at"
    assert upper == [*lower[:-1], lower[-1] + 1]


def test_their_private_parts_are_used_in_one_module_each() -> None:
    using = {
        path.name
        for path in (ROOT / "ledger" / "company" / "mail").glob("*.py")
        if PRIVATE.search(path.read_text())
    }
    assert using == {"aiosmtpd_parts.py", "imap_parts.py"}
