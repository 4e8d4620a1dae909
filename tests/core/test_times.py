"""What tokens and witnesses add to a receipt, and every way in which they do not."""

from dataclasses import replace
from hashlib import sha256, sha512

import pytest
from cryptography import x509

from ledger.chain import report as rp
from ledger.chain.checkpoint import parse_checkpoint
from ledger.chain.cosignature import cosign
from ledger.chain.note import (
    COSIGNATURE_ED25519,
    Note,
    VerifierKey,
    first_lines,
    format_note,
    format_vkey,
    parse_note,
)
from ledger.chain.policy import format_policy, parse_policy
from ledger.chain.receipt import Earlier, Times, TokenEntry, format_receipt, parse_receipt
from ledger.chain.renewal.record import format_record, parse_stamp
from ledger.chain.renewal.renewing import plan_renewal, renew
from ledger.chain.renewal.tree import Tree
from ledger.chain.report import Claim
from ledger.chain.retired import Retired, RevokedSeal
from ledger.chain.timestamp.authority import Authority
from ledger.chain.timestamp.token import parse_token
from ledger.chain.trust import Trust, format_trust, parse_trust
from ledger.cli.court.apart import of_receipt
from ledger.company.sending.refreshing import runs_out, shows_more
from ledger.court.claims import describe
from ledger.crypto.keys import MlDsaKey, SigningKey
from ledger.verify import ReceiptRefused, VerifiedReceipt, verify_receipt
from tests.certificates import YEAR, Party, Revoked, issue, revocation_list
from tests.forge import forged
from tests.simulator import NOW, Office

DAY = 86_400
ROOT = issue("Root", start=NOW - DAY, years=20, ca=True)
TSA = issue("Unit", ROOT, start=NOW - DAY, years=10)
STRANGER = issue("Stranger", start=NOW - DAY, years=10, ca=True)
STRANGE = issue("Strange unit", STRANGER, start=NOW - DAY, years=10)
WITNESS = SigningKey(b"w" * 32)
EARLY, LATE = NOW - 30, NOW + 30


@pytest.fixture
def office() -> Office:
    return Office()


def trusting(office: Office, **changes: object) -> Trust:
    authority = Authority("Test TSA", ROOT.der)
    return replace(office.trust(), **({"authorities": (authority,)} | changes))  # type: ignore[arg-type]


def stamped(note: str, time: int = LATE, signer: Party = TSA, lines: int = 2) -> TokenEntry:
    imprint = sha256(first_lines(note, lines).encode()).digest()
    return TokenEntry(lines, forged(imprint, signer, time))


def renewed(entry: TokenEntry, note: str, time: int, signer: Party) -> TokenEntry:
    """Return a token's renewal at `time`, as the notary makes it for many at once."""
    digest = sha512(first_lines(note, entry.lines).encode()).digest()
    plan = plan_renewal(parse_stamp(entry.der), digest)
    tree = Tree("sha512", [plan.leaf, bytes(64)], bytes(32))
    token = parse_token(forged(tree.root, signer, time, algorithm="sha512"))
    return replace(entry, der=format_record(renew(plan, dict(tree.branches())[plan.leaf], token)))


def with_token(office: Office, **changes: object) -> bytes:
    parts = office.parts()
    return format_receipt(replace(parts, times=Times((stamped(parts.note, **changes),))))  # type: ignore[arg-type]


def with_earlier(office: Office, time: int = EARLY, named: bool = True) -> bytes:
    """A receipt whose block record names a token over the first three entries."""
    note = office.note(3)
    entry = stamped(note, time)
    tokens = (entry.digest,) if named else ()
    office.entries[3] = office.block(2, 3, 5, tokens=tokens)
    parts = office.parts()
    return format_receipt(replace(parts, times=Times((stamped(parts.note),), Earlier(note, entry))))


def certified_until(party: Party) -> int:
    return int(party.certificate.not_valid_after_utc.timestamp())


def claim(receipt: bytes, trust: Trust, name: str) -> Claim:
    try:
        return verify_receipt(receipt, trust).report.claim(name)
    except ReceiptRefused as refused:
        return refused.report.claim(name)


def test_a_token_over_the_checkpoint_shows_by_when_it_was_entered(office: Office) -> None:
    found = claim(with_token(office), trusting(office), rp.TIME)
    assert (found.status, found.by) == (rp.PROVEN, "tokens")
    assert found.facts == {"time": NOW, "latest": LATE + 1, "authorities": ["Test TSA"]}


def test_a_token_that_the_block_names_shows_that_it_was_not_entered_before(office: Office) -> None:
    receipt = with_earlier(office)
    found = claim(receipt, trusting(office), rp.TIME)
    assert (found.facts["earliest"], found.facts["latest"]) == (EARLY - 1, LATE + 1)
    said = describe(found, "en").text
    assert "Entered between 2026-" in said


def test_an_earlier_token_that_the_block_does_not_name_fails(office: Office) -> None:
    found = claim(with_earlier(office, named=False), trusting(office), rp.TIME)
    assert (found.status, "names" in found.reason) == (rp.FAILED, True)


@pytest.mark.parametrize("late", [False, True])
def test_a_block_that_states_a_time_outside_of_its_tokens_is_back_dated(
    office: Office, late: bool
) -> None:
    receipt = with_token(office, time=NOW - 700) if late else with_earlier(office, time=NOW + 700)
    found = claim(receipt, trusting(office), rp.TIME)
    assert (found.status, "states a time" in found.reason) == (rp.FAILED, True)


def test_a_token_over_another_note_fails(office: Office) -> None:
    parts = office.parts()
    receipt = format_receipt(replace(parts, times=Times((stamped(office.note(3)),))))
    assert claim(receipt, trusting(office), rp.TIME).status == rp.FAILED


def test_a_strangers_token_counts_for_nothing_and_is_said(office: Office) -> None:
    found = claim(with_token(office, signer=STRANGE), trusting(office), rp.TIME)
    assert (found.status, found.by) == (rp.STATED, "notary")
    assert len(found.facts["left_out"]) == 1
    assert any("a token not counted" in str(each.label) for each in describe(found, "en").facts)
    (said,) = [each.value for each in describe(found, "zh").facts if each.label == "未计入的时间戳"]
    assert str(said).startswith("时间戳的证书不是由信任文件所列机构")


def revoking(office: Office, revoked: int) -> Trust:
    """A trust file of a notary that has revoked the keys with which it signed, and its seal's."""
    now = trusting(office)
    log, cosigner = now.own_keys
    later = Office(log=SigningKey(b"l" * 32), ml_dsa=MlDsaKey(b"m" * 32)).trust()
    seal = RevokedSeal(office.seal.thumbprint, 5, revoked)
    return replace(
        now,
        policy=later.policy,
        retired=(Retired(log, cosigner, 5, revoked),),
        revoked_seals=(seal,),
    )


@pytest.mark.parametrize("revoked", [LATE + 2, LATE + 1])
def test_a_revoked_key_counts_under_a_token_from_before_alone(office: Office, revoked: int) -> None:
    trust, status = revoking(office, revoked), rp.PROVEN if revoked > LATE + 1 else rp.FAILED
    assert claim(with_token(office), trust, rp.LEDGER).status == status
    assert claim(office.receipt(), trust, rp.LEDGER).status == rp.FAILED
    assert claim(with_token(office, signer=STRANGE), trust, rp.LEDGER).status == rp.FAILED
    sealed = replace(trusting(office), revoked_seals=trust.revoked_seals)
    assert claim(with_token(office), sealed, rp.SEAL).status == status
    assert claim(office.receipt(), sealed, rp.SEAL).status == rp.FAILED


def test_a_revoked_seal_over_a_tree_larger_than_its_last_is_false(office: Office) -> None:
    sealed = revoking(office, LATE + 2).revoked_seals[0]
    trust = replace(trusting(office), revoked_seals=(replace(sealed, size=4),))
    assert claim(with_token(office), trust, rp.SEAL).status == rp.FAILED


def test_existence_is_shown_until_the_certificates_end(office: Office) -> None:
    receipt = with_token(office)
    until = certified_until(TSA)
    for at, status in ((None, rp.PROVEN), (until, rp.PROVEN), (until + 1, rp.NOT_SHOWN)):
        found = claim(receipt, trusting(office, at=at), rp.EXISTENCE)
        assert (found.status, found.facts["until"]) == (status, until)
    assert "Not shown after 2036" in describe(found, "en").text
    assert "之后未予证明" in describe(found, "zh").text
    assert claim(receipt, trusting(office, at=until + 1), rp.TIME).status == rp.PROVEN


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (x509.ReasonFlags.superseded, rp.PROVEN),
        (x509.ReasonFlags.cessation_of_operation, rp.PROVEN),
        (x509.ReasonFlags.key_compromise, rp.STATED),
        (None, rp.STATED),
    ],
)
def test_a_lost_key_fells_its_tokens_and_a_closed_office_does_not(
    office: Office, reason: x509.ReasonFlags | None, status: str
) -> None:
    revoked = Revoked(TSA.certificate.serial_number, LATE + DAY, reason)
    crl = revocation_list(ROOT, LATE + 2 * DAY, [revoked])
    parts = office.parts()
    times = Times((stamped(parts.note),), validation=(crl,))
    found = claim(format_receipt(replace(parts, times=times)), trusting(office), rp.TIME)
    assert found.status == status


def test_existence_is_shown_no_longer_than_the_certificate_stands(office: Office) -> None:
    revoked = Revoked(TSA.certificate.serial_number, LATE + DAY, x509.ReasonFlags.superseded)
    crl = revocation_list(ROOT, LATE + 2 * DAY, [revoked])
    parts = office.parts()
    receipt = format_receipt(replace(parts, times=Times((stamped(parts.note),), validation=(crl,))))
    found = claim(receipt, trusting(office, at=LATE + 3 * DAY), rp.EXISTENCE)
    assert (found.status, found.facts["until"]) == (rp.NOT_SHOWN, LATE + DAY)


NEXT = issue("Next unit", ROOT, start=NOW + 8 * YEAR, years=10)
AFTER_NEXT = issue("Unit after next", ROOT, start=NOW + 16 * YEAR, years=3)
RENEWALS = ((NOW + 9 * YEAR, NEXT), (NOW + 17 * YEAR, AFTER_NEXT))


def with_renewals(office: Office, *renewals: tuple[int, Party], crl: bytes = b"") -> bytes:
    parts = office.parts()
    entry = stamped(parts.note)
    for time, signer in renewals:
        entry = renewed(entry, parts.note, time, signer)
    return format_receipt(replace(parts, times=Times((entry,), None, (crl,) if crl else ())))


@pytest.mark.parametrize(
    ("renewals", "last"),
    [(RENEWALS[:1], NEXT), (RENEWALS, AFTER_NEXT), (((NOW + 9 * YEAR, STRANGE),), TSA),
     ((RENEWALS[0], (NOW + 9 * YEAR + 1, STRANGE)), NEXT)],
    ids=["once", "twice", "by a stranger", "again by a stranger"],
)  # fmt: skip
def test_a_renewed_token_is_shown_until_its_renewal_ends(
    office: Office, renewals: tuple[tuple[int, Party], ...], last: Party
) -> None:
    receipt, until = with_renewals(office, *renewals), certified_until(last)
    for at, status in ((until, rp.PROVEN), (until + 1, rp.NOT_SHOWN)):
        trust = trusting(office, at=at)
        found = claim(receipt, trust, rp.EXISTENCE)
        assert (found.status, found.facts["until"]) == (status, until)
        assert claim(receipt, trust, rp.TIME).facts["latest"] == LATE + 1
        for language in ("en", "zh"):
            assert describe(found, language).text


def test_a_token_that_was_renewed_too_late_and_its_renewal_count_by_themselves(
    office: Office,
) -> None:
    late = NOW + 11 * YEAR
    receipt = with_renewals(office, (late, NEXT))
    for at, latest, until in (
        (NOW + YEAR, LATE + 1, certified_until(TSA)),
        (certified_until(TSA) + 1, late + 1, certified_until(NEXT)),
    ):
        trust = trusting(office, at=at)
        assert claim(receipt, trust, rp.TIME).facts["latest"] == latest
        found = claim(receipt, trust, rp.EXISTENCE)
        assert (found.status, found.facts["until"]) == (rp.PROVEN, until)


@pytest.mark.parametrize(("lost", "latest"), [(8 * YEAR, RENEWALS[0][0]), (9 * YEAR + DAY, LATE)])
def test_a_key_lost_after_the_renewal_fells_nothing(office: Office, lost: int, latest: int) -> None:
    revoked = Revoked(TSA.serial, NOW + lost, x509.ReasonFlags.key_compromise)
    crl = revocation_list(ROOT, NOW + lost + DAY, [revoked])
    receipt = with_renewals(office, *RENEWALS[:1], crl=crl)
    assert claim(receipt, trusting(office), rp.TIME).facts["latest"] == latest + 1


def test_a_renewed_token_is_taken_apart_into_the_token_and_its_record(office: Office) -> None:
    parts = parse_receipt(with_renewals(office, *RENEWALS[:1]))
    files = of_receipt(parts)
    assert files["token-1.ers"][0] == parts.times.tokens[0].der
    assert (
        parse_token(files["token-1.der"][0]).imprint == sha256(files["token-1.stamped"][0]).digest()
    )


def test_a_client_asks_for_a_receipt_that_runs_out_and_takes_one_that_lasts_longer(
    office: Office,
) -> None:
    trust = trusting(office)
    old, new = (
        verify_receipt(each, trust).report
        for each in (with_renewals(office), with_renewals(office, *RENEWALS[:1]))
    )
    assert not runs_out(old, NOW)
    assert runs_out(old, certified_until(TSA) - 364 * DAY)
    assert not runs_out(new, certified_until(TSA))
    assert shows_more(new, old)
    assert not shows_more(old, new)
    assert not shows_more(new, new)


def test_a_renewal_of_another_token_fails(office: Office) -> None:
    parts = office.parts()
    entry = renewed(stamped(office.note(3)), office.note(3), *RENEWALS[0])
    receipt = format_receipt(replace(parts, times=Times((entry,))))
    assert claim(receipt, trusting(office), rp.TIME).status == rp.FAILED


def test_an_earlier_token_that_was_renewed_is_still_the_one_that_the_block_names(
    office: Office,
) -> None:
    note = office.note(3)
    entry = stamped(note, EARLY)
    office.entries[3] = office.block(2, 3, 5, tokens=(entry.digest,))
    earlier = Earlier(note, renewed(entry, note, *RENEWALS[0]))
    receipt = format_receipt(replace(office.parts(), times=Times((), earlier)))
    assert claim(receipt, trusting(office), rp.TIME).facts["earliest"] == EARLY - 1


def test_with_a_broken_block_record_no_time_is_shown(office: Office) -> None:
    parts = office.parts()
    times = Times((stamped(parts.note),))
    found = claim(
        format_receipt(replace(parts, block=b"broken", times=times)), trusting(office), rp.TIME
    )
    assert found.status == rp.NOT_SHOWN
    assert describe(found, "en").text


def test_without_authorities_the_time_is_the_notarys_word(office: Office) -> None:
    found = claim(with_token(office), office.trust(), rp.TIME)
    assert (found.status, found.by) == (rp.STATED, "notary")


def witnessed(office: Office) -> Trust:
    """The office's trust file with a witness that has to sign too."""
    key = VerifierKey("witness.example", COSIGNATURE_ED25519, WITNESS.public)
    own = [
        each
        for each in format_policy(office.trust().policy).splitlines()
        if each.startswith(("log", "witness"))
    ]
    group = ["group both all ml-dsa-44 w", "quorum both", ""]
    policy = parse_policy("\n".join([*own, f"witness w {format_vkey(key)}", *group]))
    return parse_trust(format_trust(replace(office.trust(), policy=policy)))


def final(office: Office) -> bytes:
    parts = office.parts()
    note = parse_note(parts.note)
    line = cosign(parse_checkpoint(note.text), "witness.example", WITNESS, NOW)
    return format_receipt(
        replace(parts, note=format_note(Note(note.text, (*note.signatures, line))))
    )


def test_a_quorum_with_witnesses_makes_them_required(office: Office) -> None:
    assert rp.WITNESSES in witnessed(office).required
    assert rp.WITNESSES not in office.trust().required


def test_a_receipt_without_its_witnesses_is_provisional_and_no_court_accepts_it(
    office: Office,
) -> None:
    trust = witnessed(office)
    with pytest.raises(ReceiptRefused) as refused:
        verify_receipt(office.receipt(), trust)
    assert refused.value.report.missing == (rp.WITNESSES,)
    provisional = verify_receipt(office.receipt(), trust, provisional=True)
    assert not provisional.final
    said = describe(provisional.report.claim(rp.WITNESSES), "en")
    assert "Fewer institutions" in said.text


def test_a_receipt_with_its_witnesses_is_final(office: Office) -> None:
    verified: VerifiedReceipt = verify_receipt(final(office), witnessed(office))
    assert verified.final
    facts = verified.report.claim(rp.WITNESSES).facts["witnesses"]
    assert facts == [{"name": "w", "key": "witness.example", "time": NOW}]


def test_a_token_stays_good_when_a_cosignature_comes_late(office: Office) -> None:
    parts = office.parts()
    entry = stamped(parts.note)
    note = parse_note(parts.note)
    line = cosign(parse_checkpoint(note.text), "witness.example", WITNESS, NOW)
    later = format_note(Note(note.text, (*note.signatures, line)))
    receipt = format_receipt(replace(parts, note=later, times=Times((entry,))))
    trust = replace(witnessed(office), authorities=(Authority("Test TSA", ROOT.der),))
    assert claim(receipt, trust, rp.TIME).status == rp.PROVEN


def test_a_trust_file_with_authorities_reads_back(office: Office) -> None:
    authorities = (
        Authority("Test TSA", ROOT.der, "1.2.3.4", 5),
        Authority("公共时间戳", STRANGER.der),
    )
    required = (*office.trust().required, rp.TIME, rp.EXISTENCE)
    trust = replace(office.trust(), authorities=authorities, required=required)
    assert parse_trust(format_trust(trust)) == trust
