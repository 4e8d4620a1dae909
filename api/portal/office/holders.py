"""Accounts and how they stand; a key's end."""

from fastapi import Request, Response

from ledger.chain.office import REASONS
from ledger.chain.statement import HASH_SIZE, is_account
from ledger.crypto.keys import thumbprint_ed25519
from ledger.errors import InvalidInput, NotFound
from ledger.notary.desk import proposals
from ledger.notary.desk.roles import Right
from ledger.notary.desk.terms import terms_of
from ledger.notary.sequencing.accounts import Standing

from .forms import Form
from .gate import NOTHING, Gate, Tried, Visit, go_on, office_page, proof_of

gate = Gate()
ACCOUNTS = "/office/accounts"
PAGE = 50
_MAX_ASKED = 256


@gate.page(ACCOUNTS, Right.ACCOUNTS)
def accounts(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """All accounts, a page at a time, or those that a word is found in."""
    asked = request.query_params.get("q", "").strip()[:_MAX_ASKED]
    text = request.query_params.get("from", "0")
    first = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    total, found = visit.notary.accounts.page(first, PAGE, asked)
    return office_page(
        request,
        visit,
        "accounts.html",
        asked=asked,
        found=found,
        total=total,
        first=first,
        size=PAGE,
        tried=tried,
    )


@gate.page(ACCOUNTS + "/{account}", Right.ACCOUNTS)
def account(request: Request, visit: Visit, tried: Tried = NOTHING) -> Response:
    """One account: whose it is, what the office has decided about it, and its keys."""
    assert visit.session is not None
    standing = _standing(request, visit)
    revokes = Right.REVOKE in visit.rights
    passkey = revokes and bool(visit.door.means(visit.session).passkeys)
    keys = []
    revoked = [each.revoked_index is not None for each in standing.keys]
    for each in standing.keys:
        key = thumbprint_ed25519(each.public)
        options = None
        if passkey and each.revoked_index is None:
            options = visit.door.confirm_options(visit.visitor, visit.session, _purpose(key))
        keys.append((key, each, options))
    return office_page(
        request,
        visit,
        "account.html",
        standing=standing,
        terms=terms_of(visit.desk, standing.account),
        keys=keys,
        others_count=any(revoked) and not all(revoked),
        revokes=revokes,
        reasons=REASONS,
        tried=tried,
    )


@gate.act(ACCOUNTS + "/{account}/revoke", Right.REVOKE, account)
def revoke(request: Request, visit: Visit, form: Form) -> Response:
    """Revoke a key of the account for ever."""
    assert visit.session is not None
    standing = _standing(request, visit)
    keys = {thumbprint_ed25519(each.public).hex() for each in standing.keys}
    text, reason = form.text("key"), form.text("reason")
    if text not in keys or len(text) != 2 * HASH_SIZE or reason not in REASONS:
        raise InvalidInput("Choose a key of this account, and a reason.")
    key = bytes.fromhex(text)
    visit.door.confirm(visit.visitor, visit.session, _purpose(key), proof_of(form))
    proposals.revoke(visit.desk, visit.who, key, reason, visit.notary.execute)
    return go_on(f"{ACCOUNTS}/{standing.account}")


def _standing(request: Request, visit: Visit) -> Standing:
    name = request.path_params["account"]
    if not is_account(name):
        raise NotFound("There is no such account.")
    try:
        return visit.notary.accounts.standing(name)
    except NotFound:
        raise NotFound("There is no such account.") from None


def _purpose(key: bytes) -> str:
    return f"revoke {key.hex()}"
