"""A notary that lies is caught; the fault file proves it to a stranger with the trust file."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.auditor.audit import Audit
from ledger.auditor.catching import Caught
from ledger.auditor.sources import Folder
from ledger.auditor.state import State
from ledger.chain import statement as st
from ledger.chain.anchorpage import StampedNote
from ledger.chain.enrolment import RECOVERY_SHEET
from ledger.chain.fault.file import Fork, parse_fault
from ledger.chain.fault.verifying import verify_fault
from ledger.chain.office import (
    WHOLE,
    Inspection,
    Revocation,
    inspection_payload,
    revocation_payload,
)
from ledger.chain.receipt import TokenEntry
from ledger.chain.renewal.record import format_record, token_record
from ledger.chain.statement import Matter
from ledger.chain.trust import format_trust
from ledger.cli.root import cli
from ledger.crypto.keys import SigningKey
from ledger.crypto.merkle import leaf_hash
from tests.processes import Program
from tests.rogue import Rogue, stamp, trusting
from tests.simulator import NOW, Office, nonce

Lie = Callable[[Rogue, Rogue], str | None]
LIES: dict[str, tuple[str, Lie]] = {}
"""name -> (the kind of fault, what makes of an honest ledger and its copy, audited before, a lie)"""


def lie(kind: str) -> Callable[[Lie], Lie]:
    def named(function: Lie) -> Lie:
        LIES[function.__name__.replace("_", " ")] = kind, function
        return function

    return named


@lie("fork")
def two_histories_of_one_size(rogue: Rogue, audited: Rogue) -> None:
    audited.close(rogue.deposit("shown to one"))
    rogue.close(rogue.deposit("shown to another"))


@lie("fork")
def an_entry_dropped(rogue: Rogue, audited: Rogue) -> None:
    audited.close(rogue.deposit("unwelcome"), rogue.deposit("welcome"))
    rogue.close(rogue.deposit("welcome"))
    rogue.close(rogue.deposit("newer"), rogue.deposit("newest"))


@lie("fork")
def entries_in_another_order(rogue: Rogue, audited: Rogue) -> None:
    audited.close(rogue.deposit("first"), rogue.deposit("second"))
    rogue.close(rogue.deposit("second"), rogue.deposit("first"))
    rogue.close()


@lie("rewind")
def an_older_state_taken_up_again(rogue: Rogue, audited: Rogue) -> str:
    audited.close(rogue.deposit("to be forgotten"))
    return rogue.note(NOW + 60)


@lie("rewind")
def the_logs_time_runs_back(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(signed_at=NOW - 60)


@lie("gap")
def a_blocks_time_runs_back(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(time=NOW - 60)


@lie("gap")
def a_height_left_out(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(height=5)


@lie("link")
def another_note_named(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(previous=nonce("some other note"))


@lie("time")
def a_block_dated_before_a_token_that_it_names(rogue: Rogue, audited: Rogue) -> None:
    rogue.anchor(NOW + 5_000)
    rogue.close(time=NOW, tokens=[rogue.anchors[0].tokens[0].digest])


@lie("time")
def a_block_dated_after_its_own_token(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(time=NOW + 5_000, signed_at=NOW + 5_000)
    rogue.anchor(NOW + 10)


@lie("time")
def a_block_dated_after_its_own_token_which_was_renewed(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(time=NOW + 5_000, signed_at=NOW + 5_000)
    rogue.anchor(NOW + 10)
    (entry,) = rogue.anchors[0].tokens
    record = format_record(token_record(entry.first))
    rogue.anchors[0] = replace(rogue.anchors[0], tokens=(TokenEntry(entry.lines, record),))


@lie("forged")
def a_record_by_another_key(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(signer=SigningKey(b"\x2a" * 32))


@lie("forged")
def a_deposit_that_its_depositor_has_not_signed(rogue: Rogue, audited: Rogue) -> None:
    entry = rogue.deposit("forged")
    rogue.close(entry[:-1] + bytes([entry[-1] ^ 1]))


@lie("forged")
def a_deposit_that_is_none(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(rogue.deposit("a matter with a long id", Matter(nonce("m"), 1, None)))


@lie("gap")
def a_matter_out_of_order(rogue: Rogue, audited: Rogue) -> None:
    rogue.close(rogue.deposit("2", Matter(nonce("m")[:16], 1, None)))
    rogue.close(rogue.deposit("3", Matter(nonce("m")[:16], 1, None)))


@lie("gap")
def a_revoked_key_deposits(rogue: Rogue, audited: Rogue) -> None:
    office = rogue.office
    payload = revocation_payload(Revocation(office.device.thumbprint, "compromised"))
    rogue.close(office.say(st.KEY, payload | {"origin": office.origin, "nonce": nonce("k")}))
    rogue.close(rogue.deposit("after the end"))


@lie("gap")
def an_inspection_of_another_entry_than_it_names(rogue: Rogue, audited: Rogue) -> None:
    one, two = rogue.deposit("one"), rogue.deposit("two")
    rogue.close(one, two)
    place = len(rogue.entries) - 1
    said = Inspection(place, leaf_hash(one), WHOLE, nonce("particulars"))
    payload = {"origin": rogue.office.origin, "nonce": nonce("i"), **inspection_payload(said)}
    rogue.close(rogue.office.say(st.INSPECTION, payload))


@lie("gap")
def a_deposit_before_its_key_is_enrolled(rogue: Rogue, audited: Rogue) -> None:
    new = SigningKey(b"\x2b" * 32)
    rogue.close(rogue.deposit("too early", key=new))
    rogue.close(rogue.office.enrol(rogue.office.account, new.public))


@lie("gap")
def a_device_endorses_another(rogue: Rogue, audited: Rogue) -> None:
    office, new = rogue.office, SigningKey(b"\x2c" * 32)
    rogue.close(office.enrol(office.account, new.public, endorser=office.device.thumbprint))


@lie("gap")
def a_revoked_recovery_key_endorses(rogue: Rogue, audited: Rogue) -> None:
    office, sheet, new = rogue.office, SigningKey(b"\x2d" * 32), SigningKey(b"\x2c" * 32)
    rogue.close(office.enrol(office.account, sheet.public, RECOVERY_SHEET))
    payload = revocation_payload(Revocation(sheet.thumbprint, "lost"))
    rogue.close(office.say(st.KEY, payload | {"origin": office.origin, "nonce": nonce("k")}))
    rogue.close(office.enrol(office.account, new.public, endorser=sheet.thumbprint))


@lie("gap")
def a_key_endorses_before_it_is_enrolled(rogue: Rogue, audited: Rogue) -> None:
    office, sheet, new = rogue.office, SigningKey(b"\x2d" * 32), SigningKey(b"\x2c" * 32)
    rogue.close(office.enrol(office.account, new.public, endorser=sheet.thumbprint))
    rogue.close(office.enrol(office.account, sheet.public, RECOVERY_SHEET))


def test_a_receipt_from_another_history_is_caught(tmp_path: Path) -> None:
    """Two clients, two histories: a receipt of one, beside the ledger that is shown to all."""
    office = Office()
    receipt, trust = tmp_path / "a.receipt", tmp_path / "t.trust"
    receipt.write_bytes(office.receipt())
    trust.write_bytes(format_trust(trusting(office)))
    rogue = Rogue.begun()
    rogue.close(*(rogue.deposit(f"other {n}") for n in range(9)))
    shown = rogue.publish(tmp_path / "shown")
    fault = tmp_path / "x.fault"
    code, found = audited(shown, "--trust", trust, "--receipt", receipt, "-o", fault)
    assert (code, found["fault"]) == (1, str(fault)), found
    assert verify_fault(parse_fault(fault.read_bytes()), trusting(office)).kind == "fork"


def audited(*arguments: object) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(cli, ["audit", *map(str, arguments), "--json"])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_caught_and_proven_to_a_stranger(name: str, tmp_path: Path) -> None:
    kind, make = LIES[name]
    rogue = Rogue.begun()
    before = rogue.copy()
    checkpoint = make(rogue, before)
    trust, state, fault = (
        tmp_path / "t.trust",
        tmp_path / "state",
        tmp_path / "stranger" / "x.fault",
    )
    trust.write_bytes(format_trust(trusting(rogue.office)))
    fault.parent.mkdir()
    first = audited(before.publish(tmp_path / "before"), "--trust", trust, "--since", state)
    assert first[0] == 0, first
    shown = rogue.publish(tmp_path / "shown", checkpoint=checkpoint)
    code, found = audited(shown, "--trust", trust, "--since", state, "-o", fault)
    assert (code, found["fault"]) == (1, str(fault)), found
    with Program(
        ["-m", "ledger", "fault", fault.name, "--trust", trust, "--json"],
        cwd=fault.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as stranger:
        told, errors = stranger.communicate(timeout=60)
    assert stranger.returncode == 0, errors
    assert json.loads(told)["kind"] == kind


def test_an_anchor_of_another_history_is_caught_by_an_audit_that_goes_on(tmp_path: Path) -> None:
    rogue = Rogue.begun()
    rogue.close(rogue.deposit("one"))
    trust = trusting(rogue.office)
    states: list[State] = []
    Audit(Folder(rogue.publish(tmp_path / "before")), trust, save=states.append).run()
    other = Rogue(rogue.office, [*rogue.entries[:-1], rogue.deposit("another")])
    note = other.note(NOW)
    rogue.anchors = [StampedNote(2, note, (stamp(note, NOW),))]
    rogue.close(rogue.deposit("two"))
    with pytest.raises(Caught) as caught:
        Audit(Folder(rogue.publish(tmp_path / "after")), trust, since=states[-1]).run()
    assert isinstance(caught.value.fault, Fork)


@pytest.mark.parametrize("output", ["taken", "missing/x.fault", ".", "/"])
def test_what_is_caught_is_said_where_its_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    rogue = Rogue.begun()
    before = rogue.copy()
    two_histories_of_one_size(rogue, before)
    Path("t.trust").write_bytes(format_trust(trusting(rogue.office)))
    audited(before.publish(Path("before")), "--trust", "t.trust", "--since", "state")
    shown = rogue.publish(Path("shown"))
    code, found = audited(shown, "--trust", "t.trust", "--since", "state", "-o", output)
    assert (code, found["good"], found["fault"]) == (1, False, None)
    assert "two different trees" in str(found["caught"]) and found["not_written"]
