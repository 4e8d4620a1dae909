"""The office's commands: what can be ordered of a notary, by name, with CBOR values."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ledger.chain import statement as st
from ledger.chain.enrolment import (
    EnrolmentRequest,
    format_record,
    parse_endorsed,
    parse_record,
    verify_request,
)
from ledger.chain.office import (
    Platform,
    Recovery,
    notice_payload,
    platform_payload,
    recovery_payload,
)
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import InvalidInput
from ledger.notary.sequencing.accounts import Standing
from ledger.quoted import quoted

if TYPE_CHECKING:
    from ledger.notary.notary import Notary

T = TypeVar("T")
Command = Callable[["Notary", dict[str, Any]], dict[str, Any]]


def _need(argument: dict[str, Any], name: str, kind: type[T]) -> T:
    value = argument.get(name)
    if not isinstance(value, kind):
        raise InvalidInput(f"The command lacks {quoted(name)}, or it is not what it should be.")
    return value


def _enroll(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    record = parse_record(notary.records.fetch(_need(argument, "staged", str)))
    request = verify_request(_need(argument, "request", bytes))
    new = _is_new(notary, request)
    return {"new": new, **_standing(notary.accounts.enrol(request, record))}


def _join(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    endorsed = _need(argument, "request", bytes)
    new = _is_new(notary, verify_request(parse_endorsed(endorsed)[0]))
    return {"new": new, **_standing(notary.accounts.join(endorsed))}


def _is_new(notary: "Notary", request: EnrolmentRequest) -> bool:
    return notary.accounts.key(thumbprint_ed25519(request.key)) is None


def _revoke(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    return {
        "index": notary.accounts.revoke(
            _need(argument, "key", bytes), _need(argument, "reason", str)
        ).index
    }


def _erase(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    return {"erased": notary.accounts.erase(_need(argument, "account", str))}


def _accounts(notary: "Notary", _: dict[str, Any]) -> dict[str, Any]:
    return {"accounts": [_standing(each) for each in notary.accounts.list()]}


def _notice(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    return _entered(notary, st.NOTICE, notice_payload(_need(argument, "text", str)))


def _platform(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    platform = Platform(
        _need(argument, "operator", str),
        _need(argument, "filing", str),
        _need(argument, "environment", str),
        _need(argument, "software", str),
        tuple(_need(argument, "standards", list)),
    )
    return _entered(notary, st.PLATFORM, platform_payload(platform))


def _recovery(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    recovery = Recovery(
        _need(argument, "cause", str), _need(argument, "size", int), _need(argument, "root", bytes)
    )
    return _entered(notary, st.RECOVERY, recovery_payload(recovery))


def _status(notary: "Notary", _: dict[str, Any]) -> dict[str, Any]:
    last = notary.sequencer.last
    return {
        "origin": notary.origin,
        "size": last.size,
        "height": last.height,
        "root": last.root,
        "checkpoint": last.note,
        "accounts": len(notary.accounts.list()),
        "health": str(notary.health.status),
        "detail": None if (found := notary.look()) is None else found.detail,
        "seal_expires": notary.seal_expires,
    }


def _accept_clock(notary: "Notary", _: dict[str, Any]) -> dict[str, Any]:
    return {"notice": notary.accept_clock()}


def _backup(notary: "Notary", argument: dict[str, Any]) -> dict[str, Any]:
    return {"size": notary.backup(Path(_need(argument, "destination", str)))}


def _entered(notary: "Notary", kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    return {"index": notary.sequencer.enter((kind, payload)).result()[0].index}


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        "account": standing.account,
        "keys": [
            {
                "public": key.public,
                "role": key.role,
                "enrolled": key.enrolled_index,
                "revoked": key.revoked_index,
            }
            for key in standing.keys
        ],
        "record": None if standing.record is None else format_record(standing.record),
    }


BACKUP = "backup"
"""The one command that may take hours: it has a thread of its own, and can be stopped."""
COMMANDS: dict[str, Command] = {
    "enroll": _enroll,
    "join": _join,
    "revoke": _revoke,
    "erase": _erase,
    "accounts": _accounts,
    "notice": _notice,
    "platform": _platform,
    "recovery": _recovery,
    "accept-clock": _accept_clock,
    BACKUP: _backup,
    "status": _status,
}
"""What the office can order. Arguments: enroll {request} with `record`; join {request}; revoke {key,
reason}; erase {account}; notice {text}; platform {operator, filing, environment, software, standards};
recovery {cause, size, root}; backup {destination}."""

READS = ("accounts", "status")
"""Commands that a notary carries out whose disk can only be read."""
