"""The certificate's page: every character, one sheet, only data, PDF/A-3b with the receipt in it."""

from dataclasses import replace
from io import BytesIO

import pikepdf
import pypdfium2
import pytest

from ledger.chain.office import Platform
from ledger.chain.report import PROVEN, WITNESSES, Claim
from ledger.court.certificate import drawing, fonts
from ledger.court.certificate.content import Case, Issue, read_case
from ledger.court.certificate.drawing import draw, draw_copy
from ledger.errors import InvalidInput, MalformedData
from ledger.verify import ReceiptRefused, VerifiedReceipt
from tests.certifying.conftest import CODE, NAME, PLATFORM, Office
from tests.formats.test_document import stored

BY = Issue("王小明", 1_796_000_000, "CN=Seal,O=示例公证处", "https://notary.example")


@pytest.fixture(scope="module")
def case(office: Office) -> Case:
    return replace(read_case(office.stamped, office.trust), platform=PLATFORM)


def text(pdf: bytes) -> str:
    """The page's text without its line breaks."""
    document = pypdfium2.PdfDocument(pdf)
    assert len(document) == 1
    return document[0].get_textpage().get_text_range().replace("\r\n", "").replace("\n", "")


def held_by(case: Case, name: str, code: str = CODE) -> Case:
    assert case.verified.record is not None
    record = replace(case.verified.record, name=name, registration=code)
    return replace(case, verified=replace(case.verified, record=record))


def test_it_says_what_the_receipt_proves_in_both_languages(case: Case) -> None:
    shown = text(draw(case, BY, 17))
    for each in (
        "电子数据存证证明", "Certificate of Electronic Deposit", "000017", "本证明不是公证书",
        "not a notarial act", NAME, CODE, "示例公证处", "苏 ICP 备 1 号",
        "two servers, one building; sealbook",
        "王小明", case.fingerprint, "Test TSA", "不早于", "Not later than", "北京时间",
        "saw neither name nor content", "未见存证内容", "Page 1 of 1",
    ):  # fmt: skip
        assert each.replace(" ", "") in shown.replace(" ", ""), each
    digits = case.verified.deposit.commitment.hex()
    assert " ".join(digits[at : at + 4] for at in range(0, 32, 4)) in shown


def test_where_nobody_else_attests_the_time_the_office_alone_states_it() -> None:
    files = stored()
    alone = read_case(files["deposit-2.receipt"], files["notary.trust"])
    shown = text(draw(alone, BY, 1))
    assert "stated by the office alone" in shown and "Filing number" not in shown


def test_the_same_input_gives_the_same_bytes(case: Case) -> None:
    assert draw(case, BY, 17) == draw(case, BY, 17)


def test_a_copy_is_marked_as_unsigned_and_has_no_number(case: Case) -> None:
    shown = text(draw_copy(case, 1_796_000_000))
    assert "未签署副本 / unsigned copy" in shown
    assert "王小明" not in shown and "Officer" not in shown and "000017" not in shown


def test_a_receipt_that_is_not_good_gets_none(office: Office) -> None:
    at = len(office.stamped) // 2
    broken = office.stamped[:at] + bytes([office.stamped[at] ^ 1]) + office.stamped[at + 1 :]
    with pytest.raises((ReceiptRefused, MalformedData)):
        read_case(broken, office.trust)


@pytest.mark.parametrize(
    "name",
    [
        "𠮷野",
        "㛃",
        "镕喆堃",
        "丂丄丅丆",
        "龘靐齉齾",
        "𪚥",
        "ÅÇØ ßüřž",
        "Ελλάς Россия",
        "（株）가나다",
    ],
)
def test_rare_characters_are_shown(case: Case, name: str) -> None:
    assert name in text(draw(held_by(case, name), BY, 1))


def test_every_character_of_gb2312_level_2_can_be_shown(case: Case) -> None:
    level2 = [
        bytes((row, cell)).decode("gb2312")
        for row in range(0xD8, 0xF8)
        for cell in range(0xA1, 0xFF)
    ]
    for at in range(0, len(level2), 300):
        some = "".join(level2[at : at + 150]), "".join(level2[at + 150 : at + 300])
        draw(replace(held_by(case, some[0]), platform=replace(PLATFORM, operator=some[1])), BY, 1)


def test_the_characters_of_the_national_table_beyond_the_first_plane_are_shown(case: Case) -> None:
    name = (
        "㑇㑊㕮㘎㙍𠙶𠳐𡎚𡐓𣗋𣲗𣲘𣸣𤧛𤩽𤫉𥔲𥕢𥖨𥻗𦈡𦒍𦙶𦝼𦭜𦰡𧿹"
        "𨐈𨙸𨚕𨟠𨭉𨱇𨱏𨱑𨱔𨺙𩽾𩾃𩾌𪟝𪣻𪤗𪨰𪨶𪩘𪾢𫄧𫄨𫄷𫄸𫇭𫌀𫍣𫍯𫍲𫍽𫐄𫐐𫐓"
    )
    assert name in text(draw(held_by(case, name), BY, 1))


@pytest.mark.parametrize("character", ["\ue000", "\U0003134a", "\U000f0000"])
def test_a_character_that_no_font_has_is_an_error_that_names_it(case: Case, character: str) -> None:
    with pytest.raises(InvalidInput, match=r"No font|private use") as caught:
        draw(held_by(case, f"A{character}B"), BY, 1)
    assert f"U+{ord(character):04X}" in str(caught.value)


CODES = [
    '#panic("x")', '"; #read("/etc/passwd")', "$x$ *b* _i_ `c` <l> @ref", "= title", "\\u{41} \\",
    "#sys.inputs.data", "]#pagebreak()[", "// x", "/* x", "https://evil.example", "--- ~ '\"",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_what_others_have_chosen_is_never_read_as_code(case: Case, code: str) -> None:
    evil = replace(
        held_by(case, code, code),
        platform=Platform(code, code, code, code, ()),
        trust=replace(case.trust, issuer=code),
    )
    pdf = draw(evil, replace(BY, officer=code, seal=code), 1)
    assert code.replace(" ", "") in text(pdf).replace(" ", "").replace("’", "'")
    with pikepdf.open(BytesIO(pdf)) as opened:
        assert "/Annots" not in opened.pages[0]


@pytest.mark.parametrize(
    "hidden", ["\u202e", "\u2066", "\u200b", "\x1b[31m", "\n", "\u2028", "\x00"]
)
def test_what_hides_or_turns_text_is_shown_as_an_escape(case: Case, hidden: str) -> None:
    shown = text(draw(held_by(case, f"A{hidden}B"), BY, 1))
    assert not hidden.strip() or hidden not in shown
    assert "A" + hidden.encode("unicode_escape").decode() + "B" in shown.replace(" ", "")


@pytest.mark.parametrize(
    ("name", "code"),
    [("极长的名称有限公司" * 100, "1" * 1_000), ("A" * 1_000, "x y " * 250), ("a", "b")],
)
def test_long_names_wrap_and_the_page_stays_one(case: Case, name: str, code: str) -> None:
    full = replace(
        held_by(case, name, code),
        platform=Platform(name, code, name, code, ()),
        verified=witnessed(held_by(case, name, code), [f"{n} {name}" for n in range(20)]),
    )
    shown = text(draw(full, replace(BY, officer=name, seal=name), 999_999_999))
    assert "Page 1 of 1" in shown and "999999999" in shown


@pytest.mark.parametrize(
    ("name", "code"), [("AVeryLongName" * 19, "0" * 256), ("名" * 256, "W" * 64)]
)
def test_what_an_office_enrols_is_shown_whole_and_inside_the_page(
    case: Case, name: str, code: str
) -> None:
    pdf = draw(held_by(case, name, code), replace(BY, officer="W" * 64, seal=f"CN={'M' * 90}"), 1)
    shown = text(pdf)
    assert name in shown and code in shown and "W" * 64 in shown
    page = pypdfium2.PdfDocument(pdf)[0]
    letters = page.get_textpage()
    right = max(letters.get_charbox(at)[2] for at in range(letters.count_chars()))
    assert right < page.get_width() - 40


def witnessed(case: Case, names: list[str]) -> VerifiedReceipt:
    claim = Claim(
        WITNESSES, PROVEN, "cosignatures", facts={"witnesses": [{"name": n} for n in names]}
    )
    report = case.verified.report
    others = tuple(each for each in report.claims if each.name != WITNESSES)
    return replace(case.verified, report=replace(report, claims=(*others, claim)))


def test_the_few_fonts_that_are_read_first_give_the_same_page_as_all(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = Issue("王公证员", 1_796_000_000, "CN=Seal")
    few = draw(case, issue, 7)
    monkeypatch.setattr(drawing, "named_fonts", fonts.all_fonts)
    assert draw(case, issue, 7) == few


def test_a_character_that_only_another_font_has_is_drawn(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "_RARE", frozenset())
    fonts.named_fonts.cache_clear()
    try:
        assert "𠮷" in text(draw(case, Issue("𠮷公证员", 1_796_000_000, "CN=Seal"), 7))
    finally:
        fonts.named_fonts.cache_clear()
