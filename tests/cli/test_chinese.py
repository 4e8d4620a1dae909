"""A sweep of commands that speak Chinese: what is English in them is a name, a unit or a command."""

import json
import mailbox
import re
from pathlib import Path

import pytest

from ledger.cli.text import columns
from tests.cli.conftest import Company, run

CHINESE = {"LANG": "zh_CN.UTF-8", "LC_ALL": "", "LANGUAGE": ""}
WORDS = re.compile(r"[A-Za-z][A-Za-z'-]*(?:,? [A-Za-z][A-Za-z'-]*){2,}")
"""Three or more Latin words in a row."""
NAMES = re.compile(
    r"“[^”]*”|`[^`]*`|(?:sealbook|cli) [a-z -]+|(?:field|cover) [a-z-]+"
    r"|[0-9a-f]{4}(?: [0-9a-f]{4})+"
)
"""Values of others, commands, what is typed to choose a part, and hashes in groups of four."""


def english(page: str) -> list[str]:
    return WORDS.findall(NAMES.sub("", page))


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mail") / "m.mbox"
    box = mailbox.mbox(path)
    for each in "甲乙":
        box.add(f"From: a@b.example\nSubject: {each}\n\n{each}的正文。\n".encode())
    box.close()
    return path


def test_the_trail_says_the_limits_of_an_account_in_chinese(own_company: Company) -> None:
    office = ("--dir", own_company.notary.directory)
    account = json.loads(run("notary", "accounts", *office, "--json").stdout)["accounts"][0][
        "account"
    ]
    for arguments in (
        ("limit", account, "--per-minute", "600", "--keep-days", "30"),
        ("limit", account),
        ("retain", account, "--days", "40"),
        ("retain", account, "--for-ever"),
    ):
        run("notary", "account", *arguments, *office)
    own_company.env |= CHINESE
    lines = own_company("notary", "trail", "list", *office).output.splitlines()
    assert [line.strip() for line in lines if line.strip().startswith(account)] == [
        f"{account} 永不删除",
        f"{account} 40 天后删除",
        f"{account} 无限制",
        f"{account} 每分钟 600 份声明，至少保存 30 天",
    ]


def test_no_sentence_of_any_command_is_left_in_english(own_company: Company, letters: Path) -> None:
    company = own_company
    company("deposit", letters)
    company.env |= CHINESE
    receipt = Path(f"{letters}.receipt")
    trust = company.notary.trust_file
    office = ("--dir", company.notary.directory)
    wrong = letters.parent / "none"
    for code, *arguments in (
        (0, "list"),
        (0, "show", letters),
        (0, "parts", letters),
        (1, "show", "m"),
        (1, "show", "zzz"),
        (1, "parts", letters, "nothing like it"),
        (0, "page", "-o", letters.parent / "verifier.html"),
        (0, "notary", "trail", "list", *office),
        (0, "disclose", letters, "--only", "message 2/body", "--dry-run"),
        (1, "disclose", letters, "--only", "message 9", "--dry-run"),
        (0, "verify", receipt, "--trust", trust),
        (1, "verify", letters, "--trust", trust),
        (0, "notary", "status", *office),
        (0, "notary", "accounts", *office),
        (1, "notary", "fsck", *office),
        (1, "notary", "enroll", letters, *office),
        (1, "mail", "--mbox", wrong),
        (2, "notary", "serve", "--port", "x", *office),
        (2, "list", "--frob"),
        (0, "list", "--lang", "zh"),
        (0, "notary", "accounts", "--lang", "zh", *office),
    ):
        page = company(*arguments, code=code).output
        shown = page.replace(str(letters.parent), "")
        assert english(shown) == [], (arguments, page)
        assert all(columns(line) <= 80 for line in shown.splitlines() if code == 0), page
    status = company("notary", "status", *office).output
    assert "账本密钥 " in status and "签章 " in status
