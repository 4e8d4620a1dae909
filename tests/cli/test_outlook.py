"""A letter of Outlook, from the deposit to what is shown of it."""

from tests.cli.conftest import Company
from tests.renditions import outlook as o
from tests.renditions.test_outlook import FILE, LETTER, TO


def test_a_subject_of_a_msg_is_shown_without_the_rest(company: Company) -> None:
    company.write("letter.msg", o.compound(o.item(LETTER, [TO], [o.storage(8, FILE)])))
    company("deposit", "letter.msg")
    said = company("parts", "letter.msg").output
    assert "报价单 2026" in said
    assert "in rich text (RTF), left out" in said
    company("disclose", "letter.msg", "--only", "subject", "-o", "subject.evidence")
    shown = (company.folder / "subject.evidence").read_bytes()
    assert b"Subject: =?utf-8?" in shown
    assert b"beta.example" not in shown
