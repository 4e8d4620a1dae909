"""The catalogue: every message of ours has its Chinese, and a sentence finds its message again."""

import json
import re
from string import Formatter

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from examples.make_messages import MO, PO, catalogue, read, to_mo, to_po
from examples.messages import Key, extract, plurals, unmarked
from ledger.cli import text
from ledger.cli.root import cli, commands
from ledger.quoted import Words, quoted
from ledger.recognised import in_language, retold, said_in
from ledger.wire.saying import said, silent

CHINESE = {} if not PO.exists() else read(PO)
ENGLISH_ONLY = {"s", "es", "ies", "it", "its", "is_", "s_", "plural"}
"""Places for the endings of English words."""
SAME = {
    "{0:,} B",
}
"""What reads the same in both languages."""

SPOKEN = ("ledger/cli", "ledger/notary", "ledger/wire")
"""Where every sentence is for a person."""
UNTRANSLATED = (
    "[Unit]", "存证导出 / Export of deposits", "Seal documents, deposit", "Kinds, and what each needs",
    "all deposits of this vault",
    "The notary office has deleted", "The notary office has erased", "Block {0} was signed under a",
    "The time of {0} days is over",
    "signed checkpoints are never changed", "the audit trail is append-only",
    "the ledger is append-only",
    "This is not done here.",
)  # fmt: skip
"""Beginnings: files and help in both languages; what the vault or the ledger says for ever; what a
database's trigger says; an answer to no client of ours."""


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


def test_no_sentence_for_a_person_is_unknown_to_the_catalogue(found: dict[Key, set[str]]) -> None:
    known = {text for _, text in found}
    sentences = {text for text, _ in unmarked(SPOKEN, known)}
    left = {each for each in sentences if not each.startswith(UNTRANSLATED)}
    assert left == set(), "annotate it as Message, or hand it to `tr`"
    assert {
        each for each in UNTRANSLATED if not any(s.startswith(each) for s in sentences)
    } == set()


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


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("log abcdefabcdefabcd", "账本密钥 abcdefabcdefabcd。"),
        ("newest anchor over 86 entries, since 2026-11-30 01:02:03 UTC", None),
        (f"witness {quoted('https://w.example')}: well", "见证方 (1)：正常。"),
        (f"timestamp authority {quoted('tsa')}: well", "时间戳机构 (1)：正常。"),
        ("the tile is missing or altered; `sealbook notary fsck --rebuild` mends it", None),
        ("the trust file is for another ledger; put back what belongs together, from a backup", None),
        (f"{quoted('objects/a/b.header')} is missing; restore it from a backup of `objects`", None),
        ("block 7: the anchor is not its checkpoint; put the file back from a backup, or move it away",
         "区块 7：锚定检查点不是该区块的检查点；请由备份放回该文件，或将其移走。"),
        ("There is no such thing here.", "这里没有所请求的内容。"),
        (f"{silent(418)}", None),
    ],
)  # fmt: skip
def test_what_is_said_of_a_notary_is_found(english: str, chinese: str | None) -> None:
    words, _ = retold(english, "zh")
    assert words == chinese if chinese else re.search(HAN, words), words
    assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", re.sub("`[^`]*`", "", words))


def test_deposits_that_are_named_one_after_another_are_chinese() -> None:
    one = f"0123456789ab of 2026-11-30, {quoted('甲.pdf')}"
    two = f"abcdefabcdef of 2026-11-29, {quoted('乙.pdf')}"
    said = (
        f"No deposit here is called {quoted('x')}; `sealbook list` shows them all. "
        f"The words are in 7; the newest: {one}; {two}; {two}."
    )
    assert retold(said, "zh")[0] == (
        "这里没有名为 (1) 的存证；`sealbook list` 列出全部存证。这些词见于 7 份存证，最新的："
        "0123456789ab（2026-11-30）(2)；abcdefabcdef（2026-11-29）(3)；abcdefabcdef（2026-11-29）(3)。"
    )


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("The certificate of the notary's seal is not valid now; nothing is entered until it is "
         "renewed. Nothing was lost: keep the deposit and send it again later.",
         "公证机构的签章证书目前无效；更新之前不登记任何内容。没有任何丢失：请保留存证，稍后重新发送。"),
        (f"{quoted('x')}: not a receipt", "“x”：不是回执"),
        ("Come on Monday morning.", "Come on Monday morning."),
    ],
)  # fmt: skip
def test_what_a_notary_says_stays_quoted_and_is_retold_where_it_is_ours(
    reason: str, shown: str
) -> None:
    assert retold(said(reason), "zh") == ("公证机构答复：(1)。", (str(quoted(shown)),))
    assert retold(said(reason), "en") == ("The notary says: (1).", (str(quoted(reason)),))


def test_a_name_that_reads_like_a_sentence_of_ours_stays_as_it_is() -> None:
    name = quoted("There is no such thing here.")
    assert retold(f"{name}: not a receipt", "zh") == ("(1)：不是回执。", (str(name),))


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
