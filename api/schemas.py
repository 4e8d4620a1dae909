"""The JSON that the service answers with, and how the OpenAPI document describes the rest."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ledger.notary.health import Reason, Warn
from ledger.wire.protocol import PROBLEM

Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["5d" * 32])]
Base64 = Annotated[str, Field(examples=["0oRYHqQBJw=="])]
Index = Annotated[int, Field(ge=0, le=2**63 - 1, examples=[1204])]


class Model(BaseModel):
    """Exactly these members."""

    model_config = ConfigDict(extra="forbid")


class Problem(Model):
    """An error (RFC 9457)."""

    type: Literal["about:blank"] = "about:blank"
    title: Annotated[str, Field(examples=["Forbidden"])]
    status: Annotated[int, Field(examples=[403])]
    code: Annotated[str, Field(examples=["key-revoked"])]
    detail: Annotated[
        str,
        Field(examples=["The key that signed this statement was revoked; use another one."]),
    ]


class Health(Model):
    """How the notary is: "ok", or why it enters nothing now, the gravest reason first.

    `warnings` become reasons unless somebody acts.

    `size`: entries under the newest signed checkpoint.
    """

    status: Literal["ok"] | Reason
    reasons: list[Reason]
    warnings: list[Warn]
    origin: Annotated[str, Field(examples=["notary.example/ledger"])]
    size: Index


class Live(Model):
    """That the process answers."""

    live: Literal[True]


class Obstacle(Model):
    """Why nothing is entered now: its name, and a sentence."""

    reason: Reason
    detail: Annotated[str, Field(examples=["The notary's disk is full."])]


class Ready(Model):
    """Whether deposits are entered now, and if not, why; the gravest reason first."""

    ready: bool
    reasons: list[Obstacle]


class BlockOut(Model):
    """A block: the notary's statement that opens it, the signed note that closes it."""

    height: Index
    statement: Base64
    note: Annotated[str, Field(examples=["notary.example/ledger\n3\nqINS...=\n\n— notary..."])]


class Consistency(Model):
    """An RFC 9162 consistency proof, hashes in base64."""

    old: Index
    new: Index
    proof: list[Base64]


class DepositOut(Model):
    """A deposit of the account: its entry and the entry's leaf hash."""

    index: Index
    leaf: Hash
    statement: Base64


class Deposits(Model):
    """A page of the account's deposits; ask again after the last index until a page is empty."""

    deposits: list[DepositOut]


class Enrolled(Model):
    """A key that was enrolled."""

    account: Annotated[str, Field(pattern="^[0-9a-f]{32}$", examples=["0a" * 16])]
    key: Annotated[Hash, Field(description="The key's thumbprint.")]
    role: Annotated[str, Field(pattern="^(device|recovery)$", examples=["device"])]
    index: Annotated[Index, Field(description="The enrolment's entry.")]


class Revocation(Model):
    """When and why a key was revoked."""

    index: Annotated[Index, Field(description="The revocation's entry.")]
    time: Annotated[
        int, Field(description="The time of its block, POSIX seconds.", examples=[1795456947])
    ]
    reason: Annotated[str, Field(examples=["lost"])]
    after_deposit: Annotated[
        bool | None,
        Field(description="The deposit's entry comes before this one; null: it has no entry here."),
    ]


class Standing(Model):
    """What the notary itself says today; no proof of anything."""

    entered: Annotated[bool, Field(description="The statement is an entry of this ledger.")]
    index: Annotated[Index | None, Field(description="The statement's entry.")]
    key_revoked: Annotated[bool | None, Field(description="null: the key is not known here.")]
    revocation: Revocation | None
    size: Annotated[Index, Field(description="Entries of the ledger when this was answered.")]


class Checked(Model):
    """One deposit: the report, as `sealbook verify --json` gives it, and its standing."""

    report: dict[str, Any]
    standing: Standing


class Verification(Model):
    """The deposits that were checked: one in a receipt, one or more in an evidence file."""

    deposits: list[Checked]
    matters: Annotated[
        list[dict[str, Any]],
        Field(description="What the receipts of a file show together, for each of their matters."),
    ]


_NOT_NOW = {
    503: "Not now. `suspended`: the office takes nothing from this account, and to repeat it at once "
    "does not help; anything else passes by itself.",
    507: "Not stored, and to repeat it at once does not help. `over-quota`: it is more than the office "
    "grants this account. `no-room`: the notary's disk is full. `storage-failed`: it does not work.",
}


def text(media_type: str, description: str) -> dict[str, Any]:
    """Return the OpenAPI description of an answer that is text, in `media_type`."""
    return {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}


def binary(media_type: str, description: str) -> dict[str, Any]:
    """Return the OpenAPI description of an answer in `media_type`."""
    schema = {"type": "string", "format": "binary"}
    return {"description": description, "content": {media_type: {"schema": schema}}}


def body(media_type: str) -> dict[str, Any]:
    """Return the OpenAPI description of a binary request body."""
    schema = {"type": "string", "format": "binary"}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema}}}}


def header(name: str, description: str, pattern: str = "^(0|[1-9][0-9]{0,18})$") -> dict[str, Any]:
    """Return the OpenAPI description of a request header field."""
    schema = {"type": "string", "pattern": pattern}
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": description,
        "schema": schema,
    }


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of the problems that an endpoint tells of."""
    reference = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {
            "description": _NOT_NOW.get(status, "A problem."),
            "content": {PROBLEM: {"schema": reference}},
        }
        for status in statuses
    }
