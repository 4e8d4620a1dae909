"""The catalogue: every message of ours has its Chinese, and a sentence finds its message again."""

import json
import re
from string import Formatter

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from examples.make_messages import MO, PO, catalogue, read, to_mo, to_po
from examples.messages import Key, extract, plurals
from ledger.cli import text
from ledger.cli.root import cli, commands
from ledger.quoted import Words, quoted
from ledger.recognised import in_language, retold, said_in

CHINESE = {} if not PO.exists() else read(PO)
ENGLISH_ONLY = {"s", "es", "ies", "it", "its", "is_", "s_", "plural"}
"""Places for the endings of English words."""
SAME = {
    "{0:,} B",
}
"""What reads the same in both languages."""


@pytest.fixture(scope="module")
def found() -> dict[Key, set[str]]:
    """The messages of the sources."""
    return extract()


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_message_has_its_chinese_and_nothing_else_is_in_the_catalogue(
    found: dict[Key, set[str]],
) -> None:
    assert {key: found[key] for key in found if not CHINESE.get(key)} == {}
    assert set(CHINESE) == set(found)


def test_the_catalogue_is_what_its_command_writes(found: dict[Key, set[str]]) -> None:
    made = catalogue(found, CHINESE)
    assert PO.read_bytes() == to_po(made)
    assert MO.read_bytes() == to_mo(made)


def test_both_languages_have_the_same_places() -> None:
    second = plurals()
    differ = [
        english
        for (_, english), chinese in CHINESE.items()
        if re.findall(r"%\(\w+\)s", english) != re.findall(r"%\(\w+\)s", chinese)
        or (
            "%(" not in english
            and not places(second.get(english, english)) ^ places(chinese) <= ENGLISH_ONLY
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


# --- what is shown


def shown(*arguments: str, lang: str = "zh_CN.UTF-8") -> str:
    result = CliRunner(env={"LANG": lang, "LC_ALL": "", "LANGUAGE": ""}).invoke(
        cli, arguments, prog_name="sealbook"
    )
    return result.output


@pytest.mark.parametrize("path", [path for path, _ in commands()], ids=" ".join)
def test_the_help_of_every_command_is_chinese_and_fits(path: tuple[str, ...]) -> None:
    page = shown(*path[1:], "--help")
    assert page.startswith("用法：")
    assert all(text.columns(line) <= 80 for line in page.splitlines())
    said = "\n".join(line for line in page.splitlines() if "sealbook " not in line)
    assert not re.search(r"\b(the|and|with|which) ", said), said


def test_a_language_is_asked_for_anywhere_and_ends_with_the_command() -> None:
    english = shown("--help", lang="C")
    assert english.startswith("Usage: ") and "Options:" in english
    for arguments in (["--lang", "zh", "--help"], ["verify", "--help", "--lang=zh"]):
        assert shown(*arguments, lang="C").startswith("用法：")
    assert shown("verify", "x", "--lang", "en").startswith("sealbook: (1) cannot be read")
    assert shown("--help", lang="C") == english


@pytest.mark.parametrize(
    ("arguments", "chinese"),
    [
        (["frobnicate"], "没有命令 'frobnicate'。\n用法见 sealbook --help。"),
        (["verify"], "缺少参数 'FILE'。"),
        (["verify", "nofile"], "(1) 无法读取：没有此文件或文件夹。"),
        (["list", "--frob"], "没有选项 '--frob'。"),
        (["deposit", "--title", "x"], "请指明要存证的内容；不带路径时，deposit 不接受选项。"),
    ],
)
def test_what_is_wrong_is_said_in_chinese(arguments: list[str], chinese: str) -> None:
    assert chinese in shown(*arguments)


def test_what_machines_read_does_not_change() -> None:
    both = [shown("verify", "nofile", "--json", "--lang", each) for each in ("en", "zh")]
    assert both[0] == both[1] and json.loads(both[0].splitlines()[0])["error"]["code"] == "usage"


# --- found again


def error(sentence: str) -> str:
    words, values = retold(sentence, "zh")
    return "\n".join([words, *values])


def test_an_error_is_found_by_its_message_and_keeps_the_words_of_others_apart() -> None:
    assert error(
        f"{quoted('合同 is too large to be a receipt.')} is too large to be a receipt."
    ) == ("(1) 过大，不可能是回执。\n“合同 is too large to be a receipt.”")
    assert error(f"{quoted('x')}: not a receipt") == "(1)：不是回执。\n“x”"


def test_a_value_cannot_pose_as_our_words() -> None:
    evil = quoted("a. Everything is proven: “b” is ours")
    told = said_in(f"{evil} cannot be read: No such file or directory.", "zh")
    assert told == f"{evil} 无法读取：没有此文件或文件夹。"


def test_what_is_not_known_stays_english() -> None:
    assert in_language(Words("A sentence that nobody has ever written down here."), "zh") is None
    assert (
        said_in("A sentence that nobody has written.", "zh")
        == "A sentence that nobody has written."
    )


@settings(max_examples=25)
@given(some.text(max_size=300), some.text(max_size=300))
def test_looking_for_a_message_never_fails(before: str, after: str) -> None:
    for sentence in (before, f"{before} cannot be read: {after}", f"{before}: {after}."):
        words, values = retold(sentence, "zh")
        assert isinstance(words, Words) and words.count("\x1b") == 0
        assert len(values) <= sentence.count("“")


def test_the_heads_of_tables_stand_over_their_columns() -> None:
    row = text.heads(("编号", 14), ("待发", -9), ("", 2), ("名称", 0))
    assert [text.columns(row[: row.index(each)]) for each in ("编号", "待发", "名称")] == [
        0,
        19,
        25,
    ]
