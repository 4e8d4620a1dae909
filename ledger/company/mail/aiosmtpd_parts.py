"""What of aiosmtpd is not its public face, all of it here, as it is in the one version looked at.

    _handler_coroutine        the task that reads commands
    _original_transport       set once STARTTLS has put TLS above it
    _reader, its _buffer      the stream that commands and messages come from
    _set_post_data_state      a fresh envelope after a message

pyproject.toml takes no other version than `LOOKED_AT`, and a test says when it has become another one.
Then: read `smtp.py` of the new version for these names, and change both.
"""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP

LOOKED_AT = "1.4.6"


class Session(SMTP):
    """aiosmtpd's commands on a connection whose messages are read by whoever inherits from this."""

    @property
    def under_tls(self) -> bool:
        """Whether STARTTLS was issued: a connection is then made a second time."""
        return self._original_transport is not None

    @property
    def talk(self) -> "asyncio.Task[Any] | None":
        """The task that reads commands, None before the connection is made."""
        return self._handler_coroutine

    @property
    def has_unread(self) -> bool:
        """Whether something has come that nobody has read yet."""
        return bool(self._reader._buffer)  # type: ignore[attr-defined]

    def put_before(self, data: bytes) -> None:
        """Have bytes read before what the client sends next, where nothing is unread."""
        self._reader.feed_data(data)

    async def read_exactly(self, size: int) -> bytes:
        """Return the next bytes that the client sends, whatever they are."""
        return await self._reader.readexactly(size)

    async def read_to(self, end: bytes) -> bytes:
        """Return what comes up to `end`, or a part that does not reach it and fills the buffer."""
        try:
            return await self._reader.readuntil(end)
        except asyncio.LimitOverrunError as error:
            return await self._reader.readexactly(error.consumed)

    def forget_message(self) -> None:
        """Wait for the next MAIL: the message's envelope is done with."""
        self._set_post_data_state()

    def _set_post_data_state(self) -> None:
        # RSET, HELO and EHLO come here as well.
        super()._set_post_data_state()  # type: ignore[no-untyped-call]
        self.message_forgotten()

    def message_forgotten(self) -> None:
        """Be told that what there was of a message is done with."""
