"""The example dossier: the same bytes on every run, and readable by ordinary programs."""

import mailbox
import subprocess
import sys
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "make_dossier.py"
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def make(out: Path) -> Path:
    subprocess.run([sys.executable, SCRIPT, out], check=True)
    return out


def state(out: Path) -> dict[str, tuple[float, bytes]]:
    """Modification time and content of everything below `out`, and of `out` itself."""
    return {
        str(path.relative_to(out)): (
            path.stat().st_mtime,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in (out, *out.rglob("*"))
    }


@pytest.fixture(scope="module")
def dossier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("dossier") / "first")


@pytest.fixture(scope="module")
def messages(dossier: Path) -> list[EmailMessage]:
    box = mailbox.mbox(dossier / "correspondence.mbox", create=False)
    parsed = [
        message_from_bytes(box.get_bytes(key), policy=policy.default) for key in box.iterkeys()
    ]
    return [message for message in parsed if isinstance(message, EmailMessage)]


def test_two_runs_give_the_same_bytes_and_times(dossier: Path, tmp_path: Path) -> None:
    assert state(make(tmp_path / "second")) == state(dossier)


def test_annexes_hold_the_awkward_files(dossier: Path) -> None:
    annexes = dossier / "annexes"
    gb18030 = (annexes / "specification (GB18030).txt").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        gb18030.decode("utf-8")
    assert gb18030.decode("gb18030") == (annexes / "specification (UTF-8).txt").read_text("utf-8")
    assert (annexes / "amendments.txt").read_bytes() == b""
    assert (annexes / "LY-40 tube drawing.png").read_bytes().startswith(PNG_SIGNATURE)
    assert "P-08,第二段保温温度" in (annexes / "工艺参数表.csv").read_text("utf-8-sig")
    assert (annexes / "保密措施" / "登记表.csv").is_file()


def test_every_letter_parses_without_defects(messages: list[EmailMessage]) -> None:
    assert len(messages) == 24
    for message in messages:
        assert [defect for part in message.walk() for defect in part.defects] == []
        assert message["From"] and message["To"] and message["Date"].datetime and message["Subject"]
        body = message.get_body(("plain",))
        assert body is not None
        assert "\ufffd" not in body.get_content()


def test_a_body_line_that_starts_with_from_does_not_split_the_mailbox(
    messages: list[EmailMessage],
) -> None:
    pricing = next(message for message in messages if message["Subject"] == "pricing LY-40")
    assert "\n>From our side the target price" in pricing.get_content()


def test_letters_cover_the_encodings_of_real_mail(messages: list[EmailMessage]) -> None:
    parts = [part for message in messages for part in message.walk()]
    encodings = {part["Content-Transfer-Encoding"] for part in parts}
    assert {"base64", "quoted-printable", "7bit"} <= encodings
    assert {"utf-8", "gb18030", "us-ascii"} <= {part.get_content_charset() for part in parts}
    assert "multipart/alternative" in {part.get_content_type() for part in parts}


def test_replies_name_a_letter_of_the_mailbox(messages: list[EmailMessage]) -> None:
    ids = [message["Message-ID"] for message in messages]
    replies = [message["In-Reply-To"] for message in messages if message["In-Reply-To"]]
    assert len(set(ids)) == len(ids)
    assert len(replies) >= 10
    assert set(replies) <= set(ids)


def test_attachments_are_the_files_of_the_dossier(
    dossier: Path, messages: list[EmailMessage]
) -> None:
    attached = {
        part.get_filename(): part.get_payload(decode=True)
        for message in messages
        for part in message.iter_attachments()
    }
    assert len(attached) == 11
    assert attached["供货与保密合同 LYKB-2026-018.pdf"] == (dossier / "contract.pdf").read_bytes()
    annexes = dossier / "annexes"
    assert attached["工艺参数表.csv"] == (annexes / "工艺参数表.csv").read_bytes()
    assert attached["技术规格书.txt"] == (annexes / "specification (GB18030).txt").read_bytes()
    assert 1_000_000 < len(attached["SEM micrograph LY-40.png"]) < 2_000_000


def test_contract_is_a_small_pdf(dossier: Path) -> None:
    contract = (dossier / "contract.pdf").read_bytes()
    assert contract.startswith(b"%PDF")
    assert len(contract) < 400_000


def test_contract_text_can_be_extracted(dossier: Path) -> None:
    pypdf = pytest.importorskip("pypdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(dossier / "contract.pdf").pages]
    assert len(pages) == 3
    assert "供货与保密合同" in pages[0]
    assert "第二段保温温度" in pages[2]
    assert "1712" in pages[2]
