"""What a deployment may want otherwise than the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """How long the service waits for others, and how much of it one of them may take.

    In seconds: `head` for a request's line and header fields; `idle` for the next bytes of a body, or
    for the other side to take some; `body` for a whole body that is held in memory. One peer may hold
    `connections`, and `slow_bodies` of them with a body that takes its time. `proxies` are those whose
    X-Forwarded-For says who the peer is; `rates` the requests that one may make a minute, by kind
    (`rates.Kind`). `webhook_networks` are those, beside the public internet, where webhooks may lie.
    `telemetry` is the URL of a collector's traces, None for none. `metrics` is the address at which
    Prometheus finds its measures, None for nowhere. `workers` are processes that
    check statements.
    """

    head: float = 15.0
    idle: float = 30.0
    body: float = 120.0
    connections: int = 128
    slow_bodies: int = 32
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    rates: Mapping[str, int] = field(default_factory=dict)
    telemetry: str | None = None
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    metrics: tuple[str, int] | None = None
    workers: int = 0
    log_level: str = "info"
    log_format: str = "json"
