"""The door: signing in, confirming what is for ever, and what one signs in with.

    what somebody has          signs in with                       confirms with
    a passkey                  the passkey                         the passkey
    a one-time code            a link from the terminal, the code  the code
    neither, after add/reset   a link from the terminal            nothing: may only get one of the two

A passkey takes the place of the code, so nobody can fall back to the weaker of two.
"""

from dataclasses import dataclass
from typing import Any

from ledger.errors import InvalidInput, NotAuthenticated, SealbookError, VerificationFailed
from ledger.notary.desk import codes, limits, passkeys, sessions
from ledger.notary.desk.challenges import Challenges
from ledger.notary.desk.passkeys import Passkey, Site
from ledger.notary.desk.roles import Member
from ledger.notary.desk.sessions import Session
from ledger.notary.desk.staff import member_of, secret_digest
from ledger.notary.desk.trail import Action, Actor, note, record
from ledger.notary.storage.desk import StaffDesk

SIGN_IN, CREATE = "sign in", "create a passkey"
MAX_PASSKEYS = 10
_SECRET = 32
"""Characters of a one-time code's secret."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who stands at the door: the cookie that a challenge was issued to, and the peer's address."""

    holder: str
    peer: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a form brings to confirm with: a passkey's answer, or a one-time code."""

    answer: str = ""
    code: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What somebody signs in with."""

    passkeys: tuple[Passkey, ...]
    code: bool


class Door:
    """The desk's door at one site."""

    def __init__(self, desk: StaffDesk, site: Site, challenges: Challenges) -> None:
        self._desk = desk
        self._site = site
        self._challenges = challenges

    def sign_in_options(self, visitor: Visitor) -> str:
        """Return what a browser is asked to sign somebody in, as JSON."""
        challenge = self._challenges.issue(visitor.holder, SIGN_IN)
        return passkeys.request_options(self._site, challenge)

    def confirm_options(self, visitor: Visitor, session: Session, purpose: str) -> str:
        """Return what a browser is asked to confirm `purpose`, as JSON."""
        challenge = self._challenges.issue(visitor.holder, purpose)
        known = [each.id for each in self.means(session).passkeys]
        return passkeys.request_options(self._site, challenge, known)

    def creation_options(self, visitor: Visitor, session: Session) -> str:
        """Return what a browser is asked to make a passkey, as JSON."""
        challenge = self._challenges.issue(visitor.holder, CREATE)
        with self._desk.connections.reading() as connection:
            sql = "SELECT handle FROM staff WHERE id = ?"
            (handle,) = connection.execute(sql, (session.member.id,)).fetchone()
        known = [each.id for each in self.means(session).passkeys]
        return passkeys.creation_options(self._site, challenge, handle, session.member.name, known)

    def means(self, session: Session) -> Means:
        """Return what somebody signs in with."""
        with self._desk.connections.reading() as connection:
            return _means(connection, session.member.id)

    def enter_by_link(self, visitor: Visitor, secret: str, code: str) -> str:
        """Return the token of a session that a link has opened. Raises NotAuthenticated, Refused.

        The link counts once. Who has a one-time code gives it too; who has nothing gets a session in
        which only that can be set up.
        """
        desk, here = self._desk, limits.by_address(visitor.peer)
        limits.require_few(desk, here)
        digest = secret_digest(secret)
        sql = """SELECT staff, code_secret FROM links JOIN staff ON staff = id
            WHERE digest = ? AND expires > ? AND active = 1"""
        with desk.connections.reading() as connection:
            found = connection.execute(sql, (digest, desk.moment)).fetchone()
        if found is None:
            limits.failed(desk, here)
            raise NotAuthenticated(
                "This link does not count, or no longer: it does so once, for an hour. Ask for a new "
                "one at the notary's terminal."
            )
        number, needs_code = found
        limits.require_few(desk, limits.by_name(number))
        try:
            with desk.connections.writing() as connection:
                member = member_of(connection, number)
                sql = "DELETE FROM links WHERE digest = ?"
                if not connection.execute(sql, (digest,)).rowcount:
                    raise NotAuthenticated("This link was used at this moment.")
                if needs_code:
                    self._use_code(connection, member, code)
                token = sessions.begin(desk, connection, member, first=not needs_code)
                note(desk, connection, Actor.of(member), Action.SIGNED_IN, "")
                return token
        except VerificationFailed:
            self._refused(member, SIGN_IN, here)
            raise

    def enter_by_passkey(self, visitor: Visitor, answer: str) -> str:
        """Return the token of a session that a passkey opened. Raises VerificationFailed, Refused."""
        desk, here = self._desk, limits.by_address(visitor.peer)
        limits.require_few(desk, here)
        member = self._owner(answer)
        if member is None:
            limits.failed(desk, here)
            raise NotAuthenticated("This passkey belongs to nobody at this office.")
        limits.require_few(desk, limits.by_name(member.id))
        try:
            with desk.connections.writing() as connection:
                self._use_passkey(connection, visitor, member, answer, SIGN_IN)
                token = sessions.begin(desk, connection, member)
                note(desk, connection, Actor.of(member), Action.SIGNED_IN, "")
                return token
        except VerificationFailed:
            self._refused(member, SIGN_IN, here)
            raise

    def confirm(self, visitor: Visitor, session: Session, purpose: str, proof: Proof) -> None:
        """Return once whoever is signed in has proven it anew, for this purpose.

        Raises VerificationFailed, TooManyAttempts.
        """
        desk, member = self._desk, session.member
        limits.require_few(desk, limits.by_name(member.id))
        try:
            with desk.connections.writing() as connection:
                self._prove(connection, visitor, session, purpose, proof)
        except VerificationFailed:
            self._refused(member, purpose)
            raise

    def add_passkey(self, visitor: Visitor, session: Session, created: str, proof: Proof) -> str:
        """Add a passkey; return the token of the session that takes this one's place.

        It takes a proof, but for whoever has nothing yet. A one-time code ends. Raises
        VerificationFailed, InvalidInput, TooManyAttempts.
        """
        desk, member = self._desk, session.member
        limits.require_few(desk, limits.by_name(member.id))
        try:
            with desk.connections.writing() as connection:
                means = _means(connection, member.id)
                if means.passkeys or means.code or not session.first:
                    self._prove(connection, visitor, session, CREATE, proof)
                if len(means.passkeys) >= MAX_PASSKEYS:
                    raise InvalidInput(f"You have {MAX_PASSKEYS} passkeys already; remove one.")
                _, challenge = passkeys.named_in(created)
                self._challenges.take(connection, challenge, visitor.holder, CREATE)
                made = passkeys.verify_created(self._site, challenge, created)
                sql = "INSERT INTO passkeys VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
                row = made.id, member.id, made.public, made.uses, desk.moment
                if not connection.execute(sql, row).rowcount:
                    raise InvalidInput("This passkey is registered already.")
                return self._armed(connection, session, Action.PASSKEY_ADDED, None)
        except VerificationFailed:
            self._refused(member, CREATE)
            raise

    def remove_passkey(
        self, visitor: Visitor, session: Session, key_id: bytes, proof: Proof
    ) -> None:
        """Remove one of several passkeys. Raises VerificationFailed, InvalidInput, TooManyAttempts."""
        self.confirm(visitor, session, f"remove passkey {key_id.hex()}", proof)
        with self._desk.connections.writing() as connection:
            if len(_means(connection, session.member.id).passkeys) < 2:
                raise InvalidInput("This is your only passkey; add another one first.")
            sql = "DELETE FROM passkeys WHERE id = ? AND staff = ?"
            if not connection.execute(sql, (key_id, session.member.id)).rowcount:
                raise InvalidInput("You have no such passkey.")
            who = Actor.of(session.member)
            note(self._desk, connection, who, Action.PASSKEY_REMOVED, key_id.hex()[:32])

    def set_code(self, session: Session, secret: str, code: str) -> str:
        """Let somebody who has nothing yet use one-time codes; return the new session's token.

        Raises InvalidInput, VerificationFailed.
        """
        desk = self._desk
        limits.require_few(desk, limits.by_name(session.member.id))
        if not session.first or len(secret) != _SECRET or not secret.isalnum():
            raise InvalidInput("One-time codes are set up once, after a link, without a passkey.")
        step = codes.step_of(secret, code, desk.moment, 0)
        if step is None:
            limits.failed(desk, limits.by_name(session.member.id))
            raise VerificationFailed(
                "The code is not the one that the application should show now. Look at the clocks of "
                "both, and type the next code."
            )
        with desk.connections.writing() as connection:
            means = _means(connection, session.member.id)
            if means.passkeys or means.code:
                raise InvalidInput("You have something to sign in with already.")
            return self._armed(connection, session, Action.CODE_SET, (secret, step))

    def leave(self, session: Session) -> None:
        """Sign out."""
        with self._desk.connections.writing() as connection:
            sessions.end(connection, session)
            note(self._desk, connection, Actor.of(session.member), Action.SIGNED_OUT, "")

    def _armed(
        self, connection: Any, session: Session, action: Action, code: tuple[str, int] | None
    ) -> str:
        secret, step = code or (None, 0)
        sql = "UPDATE staff SET code_secret = ?, code_step = ? WHERE id = ?"
        connection.execute(sql, (secret, step, session.member.id))
        for sql in (
            "DELETE FROM links WHERE staff = ?",
            "DELETE FROM sessions WHERE staff = ? AND first = 1",
        ):
            connection.execute(sql, (session.member.id,))
        sessions.end(connection, session)
        note(self._desk, connection, Actor.of(session.member), action, "")
        return sessions.begin(self._desk, connection, session.member)

    def _prove(
        self, connection: Any, visitor: Visitor, session: Session, purpose: str, proof: Proof
    ) -> None:
        means = _means(connection, session.member.id)
        if means.passkeys:
            self._use_passkey(connection, visitor, session.member, proof.answer, purpose)
        elif means.code:
            self._use_code(connection, session.member, proof.code)
        else:
            raise VerificationFailed("You have nothing to confirm with; set up a passkey first.")

    def _use_passkey(
        self, connection: Any, visitor: Visitor, member: Member, answer: str, purpose: str
    ) -> None:
        if not answer:
            raise VerificationFailed("Your passkey was not asked; it takes a browser with scripts.")
        key_id, challenge = passkeys.named_in(answer)
        known = {each.id: each for each in _means(connection, member.id).passkeys}
        if key_id not in known:
            raise VerificationFailed("This passkey is not one of yours.")
        self._challenges.take(connection, challenge, visitor.holder, purpose)
        uses = passkeys.verify_used(self._site, challenge, answer, known[key_id])
        connection.execute("UPDATE passkeys SET uses = ? WHERE id = ?", (uses, key_id))

    def _use_code(self, connection: Any, member: Member, code: str) -> None:
        sql = "SELECT code_secret, code_step FROM staff WHERE id = ?"
        secret, after = connection.execute(sql, (member.id,)).fetchone()
        step = None if secret is None else codes.step_of(secret, code, self._desk.moment, after)
        if step is None:
            raise VerificationFailed(
                "The one-time code does not count: it is another one, or was used before. Wait for the "
                "next."
            )
        connection.execute("UPDATE staff SET code_step = ? WHERE id = ?", (step, member.id))

    def _owner(self, answer: str) -> Member | None:
        try:
            key_id, _ = passkeys.named_in(answer)
        except SealbookError:
            return None
        sql = """SELECT staff FROM passkeys JOIN staff ON staff = staff.id
            WHERE passkeys.id = ? AND active = 1"""
        with self._desk.connections.reading() as connection:
            found = connection.execute(sql, (key_id,)).fetchone()
            return None if found is None else member_of(connection, found[0])

    def _refused(self, member: Member, purpose: str, *scopes: str) -> None:
        limits.failed(self._desk, limits.by_name(member.id), *scopes)
        record(self._desk, Actor.of(member), Action.REFUSED, purpose)


def _means(connection: Any, number: int) -> Means:
    sql = "SELECT id, public, uses FROM passkeys WHERE staff = ? ORDER BY added, id"
    found = connection.execute(sql, (number,)).fetchall()
    sql = "SELECT code_secret IS NOT NULL FROM staff WHERE id = ?"
    (code,) = connection.execute(sql, (number,)).fetchone()
    return Means(tuple(Passkey(*each) for each in found), bool(code))
