"""What a rendition says of itself reaches whoever deposits, chooses, and reads in court."""

import pytest

from tests.cli.conftest import Company, run
from tests.renditions.test_remarks import deleted, inserted, made, p
from tests.renditions.test_remarks import run as words

SAID, WHO = "1 tracked deletion, left out as accepted", "“对方律师 Li”"
WHEN = "2026-05-01 10:00 by the original's own clock"


def has(printed: str, *sentences: str) -> bool:
    """Whether all these stand in what was printed, wherever its lines break."""
    return all("".join(each.split()) in "".join(printed.split()) for each in sentences)


@pytest.fixture
def counsel(company: Company) -> Company:
    content = made(
        p(words("第一条 单价为每吨"), deleted("12,000"), inserted("9,500"), words("元。")),
        p(words("第二条 保密。")),
    )
    company.write("合同.docx", content)
    company.said = company("deposit", "合同.docx").output  # type: ignore[attr-defined]
    return company


def test_who_deposits_chooses_or_judges_is_told(counsel: Company) -> None:
    assert has(counsel.said, SAID, WHO, WHEN, "a second text marks the changes")  # type: ignore[attr-defined]
    listed = counsel("parts", "合同.docx").output
    assert has(listed, SAID, WHO, WHEN, "合同 marked.txt")
    before = counsel("disclose", "合同.docx", "--only", "第二条", "--dry-run").output
    assert has(before, SAID, WHO)
    whole = counsel("disclose", "合同.docx", "--dry-run").output
    assert has(whole, SAID, "1 tracked deletion, marked as [-…-]")
    counsel("disclose", "合同.docx", "--only", "第二条", "-o", "part.evidence")
    trust = counsel.notary.trust_file
    english = run("verify", "part.evidence", "--trust", trust).output
    assert has(english, "says of itself", SAID, WHO, WHEN)
    chinese = run("verify", "part.evidence", "--trust", trust, "--lang", "zh").output
    assert has(chinese, "副本自述", "修订删除 1 处，按已接受略去", WHO)


def test_a_text_with_marked_changes_is_chosen_by_name_and_by_words_that_only_it_has(
    counsel: Company,
) -> None:
    def shown(selector: str) -> str:
        return counsel("disclose", "合同.docx", "--only", selector, "--dry-run").output

    assert "每吨9,500元" in shown("paragraph 1")
    assert "每吨[-12,000-]{+9,500+}元" in shown("marked: paragraph 1")
    assert "每吨[-12,000-]{+9,500+}元" in shown("12,000")
    counsel("disclose", "合同.docx", "--only", "marked:", "-o", "marked.evidence")
    said = run("verify", "marked.evidence", "--trust", counsel.notary.trust_file).output
    assert has(said, "text with its changes marked 1 of 1 of document 1")
