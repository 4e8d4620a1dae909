"""The rules of law that the register of measures is held against: data, a TOML file per rule.

A file holds the rule's `law`, its `article`, the `version` of the text and since when that is
`in_force`, what it `asks` in our own words, the kinds of `measures` that answer it, the `facts` of a
vault that do (names of VaultFacts), the `gaps` that are looked for (codes of the module `register`),
the `source` to compare with, and whether that text was `read`. A rule that nobody has read is never
cited. Where a law changes, a rule in its new version is a new file. Texts are English and Chinese.
"""

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from ledger.encoding import parse_toml
from ledger.language import Message


@dataclass(frozen=True, slots=True)
class Law:
    """A law that a report can be ordered by: its folder, its title, its names for `--for`."""

    folder: str
    title: Message
    names: tuple[str, ...]


LAWS = {
    "aucl": Law(
        "aucl-2025",
        "Anti-Unfair Competition Law (2025)",
        ("反不正当竞争法", "AUCL"),
    ),
    "spc": Law(
        "spc-2020",
        "SPC Provisions on Trade Secret Cases (2020)",
        ("商业秘密规定", "SPC"),
    ),
    "eu": Law("eu-2016-943", "Directive (EU) 2016/943", ("2016/943", "EU")),
    "dtsa": Law("dtsa-2016", "Defend Trade Secrets Act", ("DTSA",)),
}
"""The laws, in the order of a report that names none."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One question of one article of a law, in one version.

    Attributes:
        overall: It looks at all measures together.
        beyond: It asks for what no register can show.
    """

    id: str
    law: str
    article: Message
    version: Message
    in_force: date
    source: str
    asks: Message
    measures: tuple[str, ...]
    facts: tuple[str, ...]
    gaps: tuple[str, ...]
    overall: bool
    beyond: bool


def find_law(name: str) -> str | None:
    """Return the law that goes by this name, None where none does. Case does not count."""
    wanted = name.strip().strip("《》").casefold()
    for law, about in LAWS.items():
        if wanted in {each.casefold() for each in (law, *about.names)}:
            return law
    return None


@cache
def rules(law: str | None = None) -> tuple[Rule, ...]:
    """Return the rules of a law, or of all, that were read, in the order of a report."""
    folders = [LAWS[law].folder] if law else [each.folder for each in LAWS.values()]
    here = files(__package__)
    found = [
        parse_rule(file.read_bytes())
        for folder in folders
        for file in sorted((here / folder).iterdir(), key=lambda each: each.name)
    ]
    return tuple(each for each in found if each is not None)


def parse_rule(data: bytes) -> Rule | None:
    """Return the rule in a file; None for one whose text was not read."""
    value = parse_toml(data)
    if not value.pop("read"):
        return None
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in value.items()}
    return Rule(**fields)
