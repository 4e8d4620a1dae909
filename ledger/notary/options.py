"""How a notary is served: one table of options, and where each value comes from.

    [serve]                                  SEALBOOK_NOTARY_PORT=8500         --port 8500
    port = 8400                              the environment above the file    above both
    metrics = "127.0.0.1:8401"

An option has one name: in `[serve]` of notary.toml, in capitals behind `SEALBOOK_NOTARY_`, and behind
two dashes with dashes for its underscores. What describes the ledger and its keys (origin, timestamps,
token, passphrase_file, ...) is not overridden: it stands in the file alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from ledger.encoding import parse_decimal
from ledger.errors import InvalidInput, MalformedData
from ledger.quoted import Message, quoted

TABLE = "serve"
OF_THE_LEDGER = (
    "format", "origin", "issuer", "timestamps", "token", "passphrase_file", "portal", "database",
    "objects", "high_water",
)  # fmt: skip
"""What else stands in notary.toml: about the ledger, at the top of the file."""
PREFIX = "SEALBOOK_NOTARY_"
OFF = "off"
MAX_WORKERS = 64
_WIDEST = {4: 8, 6: 16}
"""Bits that the addresses of a network have in common at least: with fewer, strangers' are in it."""
_OWN = IPv6Network("fc00::/7")
"""IPv6's addresses for networks of one's own, all of them."""
_MAPPED = IPv6Network("::ffff:0:0/96")
"""IPv4's addresses as IPv6 writes them."""
LEVELS, FORMATS = ("info", "warning", "error"), ("json", "text")
_LOCAL = {"localhost": "127.0.0.1"}
DEFAULT, FILE = "default", "notary.toml"
"""Where a value comes from; a variable or an option of the command line says its own name."""

Network = IPv4Network | IPv6Network
Value = str | int | tuple[str, int] | tuple[Network, ...] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """What an option takes. `read` gives its value, from TOML's or from text; it raises ValueError."""

    words: Message
    read: Callable[[object], Value]


@dataclass(frozen=True, slots=True)
class Option:
    """One option, its default as it would be written, and what it means."""

    name: str
    kind: Kind
    default: str | int | tuple[str, ...]
    meaning: Message

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.upper()

    @property
    def flag(self) -> str:
        """Its name on the command line."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of an option as it was written, as it is used, and where it was written."""

    option: Option
    written: object
    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class Serving:
    """All options, as the service takes them."""

    host: str
    port: int
    metrics: tuple[str, int] | None
    proxy: tuple[Network, ...]
    peer_connections: int
    peer_slow_bodies: int
    rate_entering: int | None
    rate_checking: int | None
    rate_enrolling: int | None
    rate_signing_in: int | None
    webhook_network: tuple[Network, ...]
    telemetry: str | None
    workers: int
    log_level: str
    log_format: str

    @property
    def rates(self) -> dict[str, int]:
        """Requests that one peer may make a minute, by kind; without those that are off."""
        found = {
            "entering": self.rate_entering,
            "checking": self.rate_checking,
            "enrolling": self.rate_enrolling,
            "signing-in": self.rate_signing_in,
        }
        return {kind: rate for kind, rate in found.items() if rate is not None}


def address(text: str) -> tuple[str, int]:
    """Return the host and port of HOST:PORT; an IPv6 address stands in brackets. Raises ValueError."""
    host, _, port = text.rpartition(":")
    if not host or (":" in host) != (host[:1] == "[" and host[-1:] == "]"):
        raise ValueError(text)
    return host.strip("[]"), _port(port)


def _number(value: object) -> int:
    if isinstance(value, str):
        try:
            return parse_decimal(value)
        except MalformedData as error:
            raise ValueError(value) from error
    if type(value) is not int:
        raise ValueError(value)
    return value


def _between(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = _number(value)
        if not low <= number <= high:
            raise ValueError(value)
        return number

    return read


_port, _count = _between(0, (1 << 16) - 1), _between(1, 1 << 20)


def _rate(value: object) -> int | None:
    return None if value == OFF else _count(value)


def _host(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise ValueError(value)
    return value


def _address(value: object) -> tuple[str, int] | None:
    return None if value == OFF else address(_host(value))


def _collector(value: object) -> str | None:
    if value == OFF:
        return None
    url = _host(value)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(value)
    return url


def _networks(value: object) -> tuple[Network, ...]:
    several = value.split(",") if isinstance(value, str) else value
    if not isinstance(several, list | tuple) or not all(isinstance(one, str) for one in several):
        raise ValueError(value)
    found = tuple(ip_network(each.strip()) for each in several if each.strip())
    if any(map(_is_too_wide, found)):
        raise ValueError(value)
    return found


def _is_too_wide(network: Network) -> bool:
    if isinstance(network, IPv6Network):
        if network.subnet_of(_MAPPED):
            return network.prefixlen - _MAPPED.prefixlen < _WIDEST[4]
        if network.subnet_of(_OWN):
            return False
    return network.prefixlen < _WIDEST[network.version]


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(value)
        return str(value)

    return read


_PORT = Kind("a port number, 0 to 65535; 0 chooses one", _port)
_COUNT = Kind("a number above 0", _count)
_RATE = Kind("a number above 0, or off", _rate)
_WORKERS = Kind("a number from 0 to 64", _between(0, MAX_WORKERS))
_HOST = Kind("an address or a host's name", _host)
_ADDRESS = Kind("HOST:PORT, or off", _address)
_COLLECTOR = Kind("the URL of a collector's traces, or off", _collector)
_NETWORKS = Kind(
    "addresses, or networks such as 10.1.0.0/16, none so wide that strangers are in it",
    _networks,
)
_LEVEL = Kind("info, warning or error", _one_of(LEVELS))
_FORMAT = Kind("json or text", _one_of(FORMATS))

OPTIONS = (
    Option("host", _HOST, "127.0.0.1", "The address to listen at."),
    Option("port", _PORT, 8400, "The port to listen at."),
    Option("metrics", _ADDRESS, OFF, "Where /metrics is served, for Prometheus alone."),
    Option("proxy", _NETWORKS, (), "Reverse proxies whose X-Forwarded-For is believed."),
    Option("peer_connections", _COUNT, 128, "Connections that one peer address may hold."),
    Option("peer_slow_bodies", _COUNT, 32, "Of these, with a body that takes its time."),
    Option("rate_entering", _RATE, 60000, "Uploads and statements of one peer a minute, or off."),
    Option("rate_checking", _RATE, 120, "Files that one peer has checked a minute, or off."),
    Option("rate_enrolling", _RATE, 30, "Keys that one peer asks to enrol a minute, or off."),
    Option("rate_signing_in", _RATE, 30, "Attempts of one peer to sign in a minute, or off."),
    Option("webhook_network", _NETWORKS, (), "Networks of its own where webhooks may lie too."),
    Option("telemetry", _COLLECTOR, OFF, "Where a span for each request is sent (OTLP), or off."),
    Option("workers", _WORKERS, 1, "Processes that check statements, once many come at a time."),
    Option("log_level", _LEVEL, "info", "The least that the log on standard error tells."),
    Option("log_format", _FORMAT, "json", "An object a line for programs, or text for people."),
)
NAMES = tuple(each.name for each in OPTIONS)


def choose(
    table: Mapping[str, object],
    environment: Mapping[str, str],
    given: Mapping[str, object] | None = None,
) -> tuple[Chosen, ...]:
    """Return each option's value and where it comes from.

    Args:
        table: `[serve]` of notary.toml.
        environment: Its variables of other names do not count.
        given: By their names, what the command line says; None and () are left out there.

    Raises InvalidInput for a value that an option does not take, also where another one stands above
    it, for names unknown in the table, and for measures at the service's own address.
    """
    for name in table:
        if name in OF_THE_LEDGER:
            raise InvalidInput(
                f"{quoted(FILE)} has {quoted(name)} in [{TABLE}], but it is about the ledger. Write it "
                "at the top of the file, above every line that begins with a bracket."
            )
    require_known(table, NAMES, f"[{TABLE}]")
    given = {name: value for name, value in (given or {}).items() if value not in (None, ())}
    chosen = tuple(_choose(option, table, environment, given) for option in OPTIONS)
    _require_apart(serving(chosen))
    return chosen


def serving(chosen: Iterable[Chosen]) -> Serving:
    """Return all values, as the service takes them."""
    return Serving(**{each.option.name: each.value for each in chosen})  # type: ignore[arg-type]


def unknown_variables(environment: Mapping[str, str], others: Iterable[str]) -> list[str]:
    """Return the variables that look like an option's, but are none, nor one of `others`."""
    known = {each.variable for each in OPTIONS} | set(others)
    return sorted(each for each in environment if each.startswith(PREFIX) and each not in known)


def require_known(table: Iterable[str], known: Iterable[str], place: str | None = None) -> None:
    """Raise InvalidInput for the first name of a table that nobody reads, with the nearest that is.

    `place` is the table's head; None is the top of the file.
    """
    known = tuple(known)
    for name in table:
        if name not in known:
            (nearest,) = get_close_matches(name, known, 1, 0.0)
            if place is None:
                raise InvalidInput(
                    f"{quoted(FILE)} has {quoted(name)} at its top, which nothing reads there. The "
                    f"nearest name that is known there is {quoted(nearest)}."
                )
            raise InvalidInput(
                f"{quoted(FILE)} has {quoted(name)} in {quoted(place)}, which nothing reads. The "
                f"nearest name that is known there is {quoted(nearest)}."
            )


def _choose(
    option: Option,
    table: Mapping[str, object],
    environment: Mapping[str, str],
    given: Mapping[str, object],
) -> Chosen:
    read = _read(option, option.default, DEFAULT)
    for source, name, values in (
        (FILE, option.name, table),
        (option.variable, option.variable, environment),
        (option.flag, option.name, given),
    ):
        if name in values:
            read = _read(option, values[name], source)
    return read


def _read(option: Option, written: object, source: str) -> Chosen:
    try:
        return Chosen(option, written, option.kind.read(written), source)
    except ValueError as error:
        raise InvalidInput(
            f"{quoted(source)} does not say of {quoted(option.name)} what it should: "
            f"{option.kind.words}."
        ) from error


def _require_apart(served: Serving) -> None:
    """Raise InvalidInput where the service and its measures would listen at one address."""
    if served.metrics is None or not served.port or served.metrics[1] != served.port:
        return
    hosts = {_LOCAL.get(each, each) for each in (served.host, served.metrics[0])}
    every = "::" in hosts or ("0.0.0.0" in hosts and not any(":" in each for each in hosts))  # noqa: S104
    if every or len(hosts) == 1:
        raise InvalidInput(
            f"{quoted('metrics')} names port {served.port} at the address where the service itself "
            "listens. Choose another port for it."
        )
