"""Reports by the questions of a rule: never more than the report holds, and drafts that stay drafts."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from ledger.chain import report as rp
from ledger.chain.report import Claim, Report
from ledger.court import LANGUAGES, describe
from ledger.court.articles import article_title, describe_answer
from ledger.court.declaration import BLANKS, Copy, Exhibit, declaration_facts, draft_declaration
from ledger.court.questions import (
    FRE_902,
    ONLINE_LITIGATION,
    Answer,
    Check,
    find_rule,
    online_litigation,
    stated_fields,
)
from ledger.evidence.casefile import MatterShown
from ledger.evidence.file import read_evidence, verify_disclosed
from ledger.evidence.manifest import Cover
from ledger.evidence.partial import Selection
from ledger.evidence.parts import Part
from ledger.evidence.records import Rendition
from ledger.program import Program
from ledger.quoted import Quoted
from ledger.verify import ReceiptRefused, unchecked_report, verify_receipt
from tests.disclosed import Shown, file
from tests.simulator import Office

CHECK = Check(
    "a.evidence", "ab" * 32, "office.trust", "0000 1111", Program("sealbook", "1", "cd" * 32)
)
LETTER = file(
    "inbox.mbox",
    [b"From: li\n", b"\n", b"The price is 17.\n"],
    Part("message 1 of 1", 1, 3),
    Part("message 1 of 1/body", 3, 1),
)
PAGE = replace(file("a.pdf/page 1.pdf", [b"%PDF"]), rendition=Rendition(0, "page", 1, 1))
SHOWN = Shown([LETTER, PAGE])


def answers(*selections: Selection) -> dict[str, Answer]:
    """The answers from an evidence file that shows these selections, or everything."""
    (disclosed,) = read_evidence(io.BytesIO(SHOWN.evidence(*selections)))
    report = verify_disclosed(disclosed, SHOWN.office.trust()).report
    return by_question(online_litigation(report, stated_fields(disclosed.opening), CHECK))


def by_question(found: Sequence[Answer]) -> dict[str, Answer]:
    return {each.question: each for each in found}


def test_fields_alone_are_not_the_content_that_a_trust_file_requires() -> None:
    trust = SHOWN.office.trust()
    strict = replace(trust, required=(*trust.required, rp.CONTENT))
    (fields,) = read_evidence(io.BytesIO(SHOWN.evidence(Selection(0, fields=("name",)))))
    assert verify_disclosed(fields, trust).report.good
    with pytest.raises(ReceiptRefused) as refused:
        verify_disclosed(fields, strict)
    assert refused.value.report.missing == (rp.CONTENT,)
    (part,) = read_evidence(io.BytesIO(SHOWN.evidence(Selection(0, parts=(2,)))))
    assert verify_disclosed(part, strict).report.good
    assert answers(Selection(0, fields=("name",)))["consistent"].status == rp.NOT_SHOWN
    assert answers(Selection(0, parts=(2,)))["consistent"].status == rp.PROVEN


def test_a_draft_from_fields_alone_does_not_say_that_content_was_compared() -> None:
    (fields,) = read_evidence(io.BytesIO(SHOWN.evidence(Selection(0, fields=("name",)))))
    report = verify_disclosed(fields, SHOWN.office.trust()).report
    draft = draft_declaration([Exhibit(report, ())], CHECK)
    assert "No content was compared" in draft and "own files" not in draft


BARE = verify_receipt(Office().receipt(), Office().trust()).report


def test_the_articles_come_in_their_order_and_each_question_once() -> None:
    found = online_litigation(BARE, (), CHECK)
    assert [each.article for each in found] == sorted(each.article for each in found)
    assert {each.article for each in found} == {"16", "17", "18", "19"}
    assert len(by_question(found)) == len(found)


def test_a_bare_receipt_leaves_the_content_and_all_before_entry_open() -> None:
    found = by_question(online_litigation(BARE, (), CHECK))
    proven = {name for name, each in found.items() if each.status == rp.PROVEN}
    assert proven == {"stored", "methods"}
    for name in ("consistent", "source", "made", "notarised", "third-party", "corroboration"):
        assert found[name].status == rp.NOT_SHOWN


def test_nothing_of_the_platform_or_of_contrary_evidence_is_ever_proven() -> None:
    found = answers()
    for name in ("rules", "interest", "system", "standards", "contrary", "other"):
        assert found[name].status == rp.NOT_SHOWN


def test_what_the_software_stated_is_stated_by_it_and_by_nobody_else() -> None:
    found = answers()
    assert (found["consistent"].status, found["consistent"].by) == (rp.PROVEN, "full-opening")
    for name in ("source", "made"):
        assert (found[name].status, found[name].by) == (rp.STATED, "depositor-software")
    assert found["source"].facts["fields"]["source"]["values"] == ["/home/li/inbox.mbox"]
    assert found["kept"].by == "depositor"
    assert found["who"].by == found["registered"].by == "notary"


def test_a_part_answers_for_itself_only() -> None:
    found = answers(Selection(0, parts=(2,)))
    assert found["consistent"].by == "partial-opening"
    assert found["source"].status == rp.NOT_SHOWN
    found = answers(Selection(0, parts=(2,), fields=("source",)))
    assert found["source"].status == rp.STATED
    assert found["made"].facts["closed"] == ["modified", "media-type", "tool"]
    found = answers(Selection(0, fields=("modified",)))
    assert found["made"].facts["closed"] == ["media-type", "tool"]


def test_what_made_a_rendition_is_no_source_of_the_data() -> None:
    assert answers()["source"].facts["documents"] == 1
    found = answers(Selection(1, whole=True, fields=("source", "tool", "rendition")))
    assert found["source"].status == found["made"].status == rp.NOT_SHOWN


def test_what_is_not_opened_of_a_renditions_original_is_said_of_the_original() -> None:
    page = answers(Selection(1, whole=True, fields=("source", "tool", "rendition")))["made"]
    assert "Of the original, the fields" in describe_answer(page, "en").text
    assert "未开示原件的" in describe_answer(page, "zh").text
    field = answers(Selection(0, fields=("modified",)))["made"]
    assert [fact.label for fact in describe_answer(field, "en").facts][-1] == (
        "not opened of the original"
    )


def test_metadata_counts_only_where_the_content_is_proven() -> None:
    found = by_question(online_litigation(BARE, [{"source": "/somewhere"}], CHECK))
    assert found["source"].status == rp.NOT_SHOWN
    assert "/somewhere" not in str([each.as_dict() for each in found.values()])


@pytest.mark.parametrize("claim", [rp.LEDGER, rp.BLOCK, rp.DEPOSITOR, rp.SEAL, rp.CONTENT])
def test_what_a_failed_claim_would_answer_has_failed(claim: str) -> None:
    failed = Claim(claim, rp.FAILED, reason="because")
    claims = tuple(failed if each.name == claim else each for each in BARE.claims)
    found = by_question(online_litigation(Report(claims, BARE.required), (), CHECK))
    question = "consistent" if claim == rp.CONTENT else "methods"
    assert (found[question].status, found[question].reason) == (rp.FAILED, "because")


def test_without_a_trust_file_nothing_of_the_ledger_is_answered() -> None:
    found = online_litigation(unchecked_report(), (), CHECK)
    assert {each.status for each in found if each.article != "19"} == {rp.NOT_SHOWN}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_answer_has_words_in_every_status_that_it_can_have(language: str) -> None:
    failed = Report(tuple(Claim(name, rp.FAILED, reason="x") for name in rp.CLAIMS), ())
    everything = Selection(0, whole=True, fields=("source", "modified", "media-type", "tool"))
    rows = [
        online_litigation(BARE, (), CHECK),
        online_litigation(unchecked_report(), (), CHECK),
        online_litigation(failed, (), CHECK),
        *(
            tuple(answers(*selections).values())
            for selections in ((), (everything,), (Selection(0, parts=(1,)),))
        ),
        online_litigation(witnessed(), (), CHECK),
    ]
    for answer in (each for row in rows for each in row):
        words = describe_answer(answer, language)
        assert words.title and words.status and words.text
        assert "{" not in words.text
        assert article_title(answer.article, language)


def witnessed() -> Report:
    """A report with a countersignature and a place in a matter, which the simulated office lacks."""
    more = {
        rp.WITNESSES: Claim(
            rp.WITNESSES, rp.PROVEN, "cosignatures", facts={"witnesses": [{"name": "丙公证处"}]}
        ),
        rp.MATTER: Claim(rp.MATTER, rp.STATED, "depositor", facts={"id": "00", "number": 3}),
    }
    return Report(tuple(more.get(each.name, each) for each in BARE.claims), BARE.required)


def test_a_countersignature_is_of_the_ledger_and_not_of_the_content() -> None:
    found = by_question(online_litigation(witnessed(), (), CHECK))
    assert found["interference"].status == rp.PROVEN
    assert found["third-party"].status == rp.NOT_SHOWN
    named = describe_answer(found["third-party"], "zh").facts
    assert [str(each.value) for each in named] == ["“丙公证处”"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_answer_says_more_than_a_court_may_take_from_it(language: str) -> None:
    for answer in answers().values():
        words = describe_answer(answer, language)
        said = (words.title + words.text).lower()
        assert not any(word in said for word in ("admissible", "will be", "authentic", "应当采信"))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("在线诉讼规则", ONLINE_LITIGATION),
        ("人民法院在线诉讼规则", ONLINE_LITIGATION),
        ("诉讼规则", ONLINE_LITIGATION),
        ("Online-Litigation", ONLINE_LITIGATION),
        ("fre-902", FRE_902),
        (" FRE902", FRE_902),
        ("FRE", None),
        ("", None),
    ],
)
def test_rules_have_names(name: str, rule: str | None) -> None:
    assert find_rule(name) == rule


# --- FRE 902


def draft(*copies: Copy, report: Report = BARE) -> str:
    return draft_declaration([Exhibit(report, copies)], CHECK)


def test_a_draft_says_so_at_both_ends_and_leaves_every_blank() -> None:
    text = draft(Copy("a.txt", 3, "ef" * 32))
    assert text.startswith("*** DRAFT ***") and text.endswith("*** DRAFT ***")
    assert all(f"[____ {blank} ____]" in text for blank in BLANKS.values())
    assert "will be admitted" not in text
    assert "902(14)" in text and "ef" * 32 in text
    facts = declaration_facts([Exhibit(BARE, (Copy("a.txt", 3, "ef" * 32),))], CHECK)
    assert facts["draft"] is True and facts["blanks"] == BLANKS


def test_without_copies_nothing_is_drafted_under_902_14() -> None:
    text = draft()
    assert "RULE 902(13)\n" in text and "Copies" not in text
    assert "no copy is identified" in text


def test_what_only_others_state_is_drafted_as_stated() -> None:
    text = draft()
    assert "Stated by the notary: it was registered at 2026-" in text
    assert "Stated by the notary, after a check: who holds the account" in text
    assert "\n    checked by: “王公证员”\n" in text
    assert "Not shown: that any other institution countersigned" in text
    shown = draft(report=witnessed())
    assert "Proven: the same state was countersigned by those named below." in shown
    assert "\n    countersigned by: “丙公证处”\n" in shown


def test_no_name_adds_a_paragraph_to_what_somebody_signs() -> None:
    lines = len(draft(Copy("a", 1, "ef" * 32)).splitlines())
    hostile = "a\n\n9. I declare that all of it is true.\u2028\r"
    assert len(draft(Copy(hostile, 1, "ef" * 32)).splitlines()) == lines


def test_a_draft_says_which_numbers_of_a_matter_the_file_holds_and_which_it_lacks() -> None:
    shown = MatterShown(rp.PROVEN, "a" * 32, bytes(16), ((1, 2), (4, 4)))
    draft = draft_declaration([Exhibit(BARE, ())], CHECK, [shown])
    assert "the file holds its numbers 1 to 2, 4;" in draft
    assert "Not in this file: 3." in draft
    unbroken = replace(shown, runs=((1, 4),))
    assert "Not in this file" not in draft_declaration([Exhibit(BARE, ())], CHECK, [unbroken])
    apart = replace(shown, status=rp.NOT_SHOWN)
    assert "Matter" not in draft_declaration([Exhibit(BARE, ())], CHECK, [apart])


MAIL_COVER = Cover(
    "Offer",
    (
        ("mail-source", "smtp 127.0.0.1:2525"),
        ("envelope-from", "a@a.example"),
        ("envelope-to-1", "hidden@b.example"),
        ("dkim-1", "pass d=a.example s=k1"),
        ("captured", "2026-11-23T09:02:00.000Z"),
        ("verdict", "proven by the notary\nResult"),
    ),
)


def whole_report(cover: Cover = MAIL_COVER) -> Report:
    shown = Shown([file("a.eml", [b"a"])], cover)
    (disclosed,) = read_evidence(io.BytesIO(shown.evidence()))
    return verify_disclosed(disclosed, shown.office.trust()).report


def test_article_18_answers_from_the_cover_as_stated_by_the_software() -> None:
    found = by_question(online_litigation(whole_report(), (), CHECK))
    source, made, kept = (found[name].facts["cover"] for name in ("source", "made", "kept"))
    assert list(source) == ["title", "mail-source", "envelope-from", "envelope-to-1"]
    assert list(made) == ["dkim-1", "verdict"]
    assert list(kept) == ["captured"]
    for name in ("source", "made"):
        assert (found[name].status, found[name].by) == (rp.STATED, "depositor-software")
    for language in LANGUAGES:
        values = [fact.value for fact in describe_answer(found["source"], language).facts]
        assert Quoted("hidden@b.example") in values
        assert "2026-11-23T09:02:00.000Z" not in describe_answer(found["kept"], language).text
        assert Quoted("2026-11-23T09:02:00.000Z") in [
            fact.value for fact in describe_answer(found["kept"], language).facts
        ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_shows_each_field_of_the_cover_and_takes_no_label_from_it(language: str) -> None:
    told = describe(whole_report().claim(rp.PROVENANCE), language)
    assert [fact.value for fact in told.facts][:-1] == [Quoted(v) for _, v in MAIL_COVER.fields][
        :-1
    ]
    assert not any(value in told.text for _, value in MAIL_COVER.fields)
    assert "verdict" not in {fact.label for fact in told.facts}
    assert str(told.facts[-1].value).startswith("“verdict: ")


def test_a_draft_gives_the_cover_as_stated_one_value_a_line() -> None:
    report = whole_report()
    draft = draft_declaration([Exhibit(report, ())], CHECK)
    assert "not proven:\n    title: “Offer”\n" in draft
    assert "\n    DKIM signature 1: “pass d=a.example s=k1”" in draft
    assert "\nResult" not in draft
    assert declaration_facts([Exhibit(report, ())], CHECK)["origins"] == [dict(MAIL_COVER.fields)]
    assert "Origin of" not in draft_declaration([Exhibit(BARE, ())], CHECK)


def attested(**facts: object) -> Report:
    """A good report on a receipt whose time others attest to."""
    report = verify_receipt(SHOWN.office.receipt(), SHOWN.office.trust()).report
    time = report.claim(rp.TIME)
    new = {
        rp.TIME: Claim(
            rp.TIME, rp.PROVEN, "tokens", facts=time.facts | {"authorities": ["某机构"]} | facts
        ),
        rp.EXISTENCE: Claim(
            rp.EXISTENCE,
            rp.PROVEN,
            "evidence-record",
            facts={"until": 2_700_000_000, "record": {"tokens": [{"authority": "Later"}]}},
        ),
    }
    return replace(report, claims=tuple(new.get(each.name, each) for each in report.claims))


@pytest.mark.parametrize("earliest", [{}, {"earliest": 1_789_000_000}])
def test_a_time_that_others_attest_to_stands_before_what_the_notary_states(
    earliest: dict[str, int],
) -> None:
    report = attested(latest=1_790_000_500, **earliest)
    found = by_question(online_litigation(report, (), CHECK))
    for language in LANGUAGES:
        said = describe_answer(found["registered"], language)
        assert "2026-09-21 14:21:40 UTC" in said.text
        assert ("2026-09-10 00:26:40 UTC" in said.text) == bool(earliest)
        assert [fact.value for fact in said.facts] == [Quoted("某机构")]
        assert "2026-09-21 14:21:40 UTC" in describe_answer(found["kept"], language).text
    draft = draft_declaration([Exhibit(report, ())], CHECK)
    assert "not later than 2026-09-21 14:21:40 UTC, which is shown until 2055-07-24" in draft
    assert ("not before 2026-09-10 00:26:40 UTC" in draft) == bool(earliest)
    assert "timestamp by: “某机构”" in draft and "renewed by: “Later”" in draft


def test_a_time_that_only_the_notary_states_is_called_that() -> None:
    report = verify_receipt(SHOWN.office.receipt(), SHOWN.office.trust()).report
    found = by_question(online_litigation(report, (), CHECK))
    assert "No other institution" in describe_answer(found["registered"], "en").text
    assert "not later than" not in describe_answer(found["kept"], "en").text
    draft = draft_declaration([Exhibit(report, ())], CHECK)
    assert "Stated by the notary: it was registered at" in draft
    assert "timestamps named below" not in draft
