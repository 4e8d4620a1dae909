"""What a deployment may want otherwise than the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds: how long the service waits for others.

    `idle` for the next bytes of a body, or for the other side to take some; `body` for a whole body
    that is held in memory.
    """

    idle: float = 30.0
    body: float = 120.0
