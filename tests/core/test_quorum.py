"""recipients.txt and quorum files as bytes."""

import os
import re
from unicodedata import east_asian_width

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.company.access.quorum import MAX_FILES, Holder, groups, nested, readme
from ledger.company.access.recovery import Sheet, format_sheet
from ledger.company.vault.recipients import (
    Officer,
    Recipients,
    check_name,
    format_recipients,
    parse_recipients,
)
from ledger.crypto.envelope import decrypt_bytes, parse_header
from ledger.crypto.recipients import HybridIdentity, X25519Identity
from ledger.errors import InvalidInput, NoMatchingIdentity, SealbookError

KEYS = [str(HybridIdentity(bytes([n]) * 32).recipient()) for n in range(6)]
NAMES = st.text(min_size=1, max_size=20).filter(
    lambda text: text.isprintable() and text == text.strip()
)
OFFICERS = st.builds(Officer, NAMES, st.sampled_from(KEYS), st.integers(0, 10**11))


@given(st.lists(OFFICERS, max_size=3), st.lists(OFFICERS, max_size=3))
def test_a_recipients_file_reads_back(officers: list[Officer], withdrawn: list[Officer]) -> None:
    made = Recipients(tuple(KEYS[:2]), tuple(officers), tuple(withdrawn))
    assert parse_recipients(format_recipients(made)) == made


@given(st.text(max_size=200))
def test_whatever_a_recipients_file_holds_only_known_errors_come(text: str) -> None:
    for each in (text, f"# officer {text}", f"# withdrawn {text}"):
        try:
            parse_recipients(each)
        except SealbookError:
            continue


def test_a_file_of_an_earlier_version_reads_as_the_vaults_own() -> None:
    made = parse_recipients(f"{KEYS[0]}\n# mine\n\n{KEYS[1]}\n")
    assert (made.own, made.officers) == (tuple(KEYS[:2]), ())


def test_a_withdrawn_recipient_gets_nothing_where_a_rule_still_names_it() -> None:
    made = Recipients((KEYS[0],), (), (Officer("", KEYS[1], 1),))
    assert made.sealed_for([KEYS[1], KEYS[2]]) == (KEYS[0], KEYS[2])


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 81, "age1abc", "a\x1b[31m"])
def test_a_name_that_could_mislead_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name)


def test_each_layer_has_one_recipient_and_opens_in_the_order_of_the_names() -> None:
    people: dict[str, HybridIdentity | X25519Identity] = {
        "anna": HybridIdentity(os.urandom(32)),
        "bo": X25519Identity(os.urandom(32)),
        "chen": HybridIdentity(os.urandom(32)),
    }
    holders = [Holder(name, str(each.recipient())) for name, each in people.items()]
    secret = HybridIdentity(os.urandom(32))
    sheet = format_sheet(
        Sheet("acme", "https://n.example", "n.example/l", "ab12 " * 8, "0" * 32, secret)
    ).encode()
    files = nested(sheet, holders, 2, os.urandom)
    for group in groups(holders, 2):
        data = files[f"sheet-for-{group[0].name}-and-{group[1].name}.age"]
        for number, each in enumerate(group):
            assert len(parse_header(data).stanzas) == 1
            for other in people.values():
                if other is not people[each.name]:
                    with pytest.raises(NoMatchingIdentity):
                        decrypt_bytes(data, [other])
            data = decrypt_bytes(data, [people[each.name]])
            assert (data == sheet) == (number == 1)
    text = readme(holders, 2)
    assert all(name in text for name in files)
    assert "age 1.3" in text


@pytest.mark.parametrize("kind", [HybridIdentity, X25519Identity])
def test_the_readme_fits_80_columns_and_a_steps_lines_stand_below_its_number(
    kind: type[HybridIdentity] | type[X25519Identity],
) -> None:
    keys = [str(kind(os.urandom(32)).recipient()) for _ in range(3)]
    lines = readme([Holder(*each) for each in zip(["an", "bo", "chen"], keys, strict=True)], 2)
    _, *steps = re.split(r"(?m)^\d\. ", lines)
    assert len(steps) == 4
    assert all(
        not line or line.startswith("   ") for step in steps for line in step.split("\n")[1:]
    )
    assert "   Any version" in lines or "   Post-quantum" in lines
    widths = [sum(1 + (east_asian_width(c) in "WF") for c in line) for line in lines.splitlines()]
    assert max(widths) <= 80


def test_the_number_of_files_is_bounded() -> None:
    holders = [Holder(f"h{n}", str(X25519Identity(bytes([n]) * 32).recipient())) for n in range(12)]
    assert len(groups(holders[:8], 3)) <= MAX_FILES
    with pytest.raises(InvalidInput, match="over the limit"):
        groups(holders, 6)


def test_two_groups_never_share_a_file() -> None:
    keys = [str(HybridIdentity(os.urandom(32)).recipient()) for _ in range(4)]
    holders = [Holder(*each) for each in zip(["a", "b-and-c", "a-and-b", "c"], keys, strict=True)]
    with pytest.raises(InvalidInput, match="share a file name"):
        groups(holders, 2)
