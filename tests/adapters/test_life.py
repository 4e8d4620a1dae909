"""A deposit's life: what may not happen does not, and a kill leaves one state or the other."""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.company.vault.life import (
    STATES,
    TRANSITIONS,
    Event,
    IllegalTransition,
    State,
    next_state,
)
from ledger.company.vault.stored import StoredDeposit
from ledger.company.vault.vault import Vault
from ledger.errors import MalformedData
from tests.adapters.test_vault import add, new
from tests.simulator import NOW

HAPPENS: dict[Event, Callable[[StoredDeposit], object]] = {
    Event.PUT_OFF: lambda deposit: deposit.put_off("not now"),
    Event.RENUMBERED: lambda deposit: deposit.restate(deposit.encoded),
    Event.PUT_ASIDE: lambda deposit: deposit.put_aside("never"),
    Event.ACCEPTED: lambda deposit: deposit.accept(b"receipt"),
    Event.FILED: lambda deposit: deposit.file_away(Path("/x/1.txt.receipt")),
}
WAYS: dict[State, list[Event]] = {
    State.WAITING: [],
    State.CONFIRMED: [Event.ACCEPTED],
    State.DEPOSITED: [Event.ACCEPTED, Event.FILED],
    State.REFUSED: [Event.PUT_ASIDE],
}
"""How a deposit comes into each state."""
CHANGES = {"os.rename", "os.remove", "os.mkdir", "open"}
"""Audit events that a change of the disk raises; reading raises some as well, which does no harm."""


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    return new(tmp_path_factory.mktemp("life"))


seconds = count()


def come_to(vault: Vault, state: State) -> StoredDeposit:
    deposit = add(vault, 1, at=NOW + next(seconds))
    for event in WAYS[state]:
        HAPPENS[event](deposit)
    return vault.stored(deposit.name)


def files(deposit: StoredDeposit) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in deposit.folder.iterdir()}


@given(some.lists(some.sampled_from(Event), max_size=6))
def test_what_happens_follows_the_table_and_what_may_not_changes_nothing(
    vault: Vault, events: list[Event]
) -> None:
    deposit, state = come_to(vault, State.WAITING), State.WAITING
    for event in events:
        before = deposit.folder, files(deposit)
        if (state, event) in TRANSITIONS:
            HAPPENS[event](deposit)
            state = next_state(state, event)
        else:
            with pytest.raises(IllegalTransition):
                HAPPENS[event](deposit)
            assert (deposit.folder, files(deposit)) == before
        assert vault.stored(deposit.name).state is deposit.state is state


def test_every_state_is_reached_and_stands_in_one_place() -> None:
    assert set(WAYS) == set(State) == set(STATES.values()) == {State.WAITING, *TRANSITIONS.values()}
    assert len(STATES) == len(State)


def killed(deposit: StoredDeposit, event: Event, step: int) -> bool:
    """Whether a process that lets it happen was killed before its change number `step`."""
    child = os.fork()
    if child == 0:
        left = step

        def audit(name: str, _: tuple[Any, ...]) -> None:
            nonlocal left
            if name in CHANGES:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(audit)
        HAPPENS[event](deposit)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_a_kill_leaves_the_state_before_or_after_and_the_event_can_happen_again(
    vault: Vault, state: State, event: Event
) -> None:
    after, found, step = next_state(state, event), set(), 0
    while True:
        deposit = come_to(vault, state)
        if not killed(deposit, event, step):
            break
        step += 1
        again = vault.stored(deposit.name)
        again.check()
        found.add(again.state)
        assert again.state in (state, after)
        if again.state is state:
            HAPPENS[event](again)
        assert again.state is after
        assert (again.folder / "content.age").exists() is (after is not State.DEPOSITED)
    assert step > 1
    assert state in found


@pytest.mark.parametrize(("place", "kept"), [("deposits", False), ("refused", True)])
def test_a_folder_that_shows_no_state_is_damaged_and_hides_no_other(
    tmp_path: Path, place: str, kept: bool
) -> None:
    vault = new(tmp_path)
    bad, good = add(vault, 1), add(vault, 2)
    (vault.home / place).mkdir(exist_ok=True)
    if kept:
        (bad.folder / "receipt").write_bytes(b"receipt")
    bad.folder.rename(vault.home / place / bad.name)
    with pytest.raises(MalformedData, match="is damaged"):
        bad.check()
    assert [each.name for each in vault.sound()] == [good.name]
