"""Orders of the office, and what they are answered: typed at both ends, read strictly."""

import pytest

from ledger.errors import InvalidInput, MalformedData
from ledger.notary.orders import (
    AllAccounts,
    AskState,
    ListAccounts,
    format_answer,
    format_order,
    parse_answer,
    parse_order,
)
from ledger.notary.sequencing.accounts import Standing


def test_all_accounts_of_a_province_are_one_answer() -> None:
    answer = AllAccounts(tuple(Standing(f"{n:032x}", (), None) for n in range(20_000)))
    assert parse_answer(ListAccounts(), format_answer(answer)) == answer


def test_an_order_is_read_back_and_no_other_form_of_it() -> None:
    name, argument = format_order(AskState())
    assert parse_order(name, argument) == AskState()
    with pytest.raises(MalformedData):
        parse_order(name, argument + b"\0")
    with pytest.raises(InvalidInput):
        parse_order("no such order", argument)
