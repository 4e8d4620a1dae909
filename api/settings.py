"""What a deployment may want otherwise than the defaults."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """How long the service waits for others, and how much of it one of them may take.

    In seconds: `head` for a request's line and header fields; `idle` for the next bytes of a body, or
    for the other side to take some; `body` for a whole body that is held in memory. One peer may hold
    `connections`, and `slow_bodies` of them with a body that takes its time. `proxies` are those whose
    X-Forwarded-For says who the peer is. `metrics` is the address at which Prometheus finds its
    measures, None for nowhere. `workers` are processes that check statements.
    """

    head: float = 15.0
    idle: float = 30.0
    body: float = 120.0
    connections: int = 128
    slow_bodies: int = 32
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    metrics: tuple[str, int] | None = None
    workers: int = 0
    log_level: str = "info"
    log_format: str = "json"
