"""The catalogue: every message of ours has its Chinese, and a sentence finds its message again."""

import re
from string import Formatter

import pytest

from examples.make_messages import MO, PO, catalogue, read, to_mo, to_po
from examples.messages import extract, plurals

FOUND = extract()
SECOND = plurals()
CHINESE = {} if not PO.exists() else read([PO])
ENGLISH_ONLY = {"s", "es", "ies", "it", "its", "is_", "s_", "plural"}
"""Places for the endings of English words."""
SAME = {
    "{0:,} B",
}
"""What reads the same in both languages."""


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_message_has_its_chinese_and_nothing_else_is_in_the_catalogue() -> None:
    assert {key: FOUND[key] for key in FOUND if not CHINESE.get(key)} == {}
    assert set(CHINESE) == set(FOUND)


def test_the_catalogue_is_what_its_command_writes() -> None:
    made = catalogue(FOUND, CHINESE)
    assert PO.read_bytes() == to_po(made)
    assert MO.read_bytes() == to_mo(made)


def test_both_languages_have_the_same_places() -> None:
    differ = [
        english
        for (_, english), chinese in CHINESE.items()
        if re.findall(r"%\(\w+\)s", english) != re.findall(r"%\(\w+\)s", chinese)
        or (
            "%(" not in english
            and not places(SECOND.get(english, english)) ^ places(chinese) <= ENGLISH_ONLY
        )
    ]
    assert differ == []


HAN = "[\u4e00-\u9fff]"
UNWANTED = {
    "a word that product.md forbids": "(?<![存公])证人|您|收据",
    "punctuation of English": f"{HAN} ?[,;:!?](?: |$|{HAN})|{HAN}[(]{HAN}",
    "no space beside Latin letters": f"{HAN}[A-Za-z]|[A-Za-z]{HAN}",
}


@pytest.mark.parametrize("rule", UNWANTED)
def test_chinese_is_written_as_chinese(rule: str) -> None:
    found = re.compile(UNWANTED[rule])
    assert [chinese for chinese in CHINESE.values() if found.search(chinese)] == []
