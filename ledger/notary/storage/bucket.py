"""A bucket of an S3 service, under a prefix: what the notary asks of object storage, and no more.

    s3://bucket/prefix?endpoint=https://s3.example&region=cn-north-1

Keys come from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...) and never from the URL,
which stands in notary.toml. Endpoint and region come from either. What puts returns once the service
has answered, which is when the object is durable; nobody ever reads half of one.

A put whose answer was lost is sent again by the client. Then what stands there is ours already, and the
condition under which it was put does not hold any more: so what stands is compared before anybody says
that another one stands.
"""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from ledger.errors import Conflict, InvalidInput, StorageFailed
from ledger.quoted import Message, Quoted, quoted

if TYPE_CHECKING:
    from obstore.store import S3Store

_log = logging.getLogger("sealbook.notary.objects")
_log.addHandler(
    logging.NullHandler()
)  # words of the client: for a service's log, not for a terminal

CONNECT, REQUEST, HURRIED = timedelta(seconds=3), timedelta(seconds=30), timedelta(seconds=3)
RETRIES, RETRY_FOR = 3, timedelta(seconds=8)
"""How long a request may take, also one that is `hurried`, and how often a failed one is sent again."""
PIECE = 8 << 20
"""Bytes: what is larger is put in pieces of this size, or of more where there would be too many."""
MAX_PIECES = 10_000
IN_MEMORY = 64 << 20
"""Bytes of pieces that are under way at once."""
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_REGION = "us-east-1"
_KEYS = (
    "AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SKIP_SIGNATURE",
)  # fmt: skip
"""By any of these the client comes to keys, but for those of a cloud's own machines."""
_STATUS = re.compile(r"status code: (\d{3}(?: [A-Za-z]+)*)")
_CODE = re.compile(r"<Code>(\w{1,64})</Code>")
_SECRETS = re.compile(r"(?<=//)[^/]*@|\?.*")
_NO_ANSWER = "HTTP error"
_WHY = re.compile(
    r'(?:message|error): "([^"]{1,200})"|\b(InvalidCertificate|InvalidMessage|TimedOut)\b'
)
"""In what the client says: what was answered, or why there is no answer. The rest repeats requests."""
MAX_PREFIX = 256

Attributes = Mapping[str, str]
"""HTTP fields with which the service gives an object out, as Cache-Control."""


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Where a notary's objects lie. `prefix` has no slash at either end; it may be empty."""

    bucket: str
    prefix: str
    endpoint: str | None
    region: str | None


def parse_objects_url(url: str) -> BucketPlace:
    """Return where a URL of objects points. Raises InvalidInput, also for one that holds a secret."""
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, strict_parsing=True) if parts.query else []
        named = dict(query)
        bucket, prefix = parts.netloc, parts.path.strip("/")
        plain = url.isascii() and url.isprintable() and not set(" %\\") & set(bucket + prefix)
        whole = all(part not in ("", ".", "..") for part in prefix.split("/")) if prefix else True
        if (
            parts.scheme == "s3"
            and 3 <= len(bucket) <= 63
            and not set(bucket) & set("@:")
            and plain
            and whole
            and len(prefix) <= MAX_PREFIX
            and not parts.fragment
            and len(named) == len(query)
            and named.keys() <= {"endpoint", "region"}
            and _is_plain_endpoint(named.get("endpoint", "https://s3"))
        ):
            return BucketPlace(bucket, prefix, named.get("endpoint"), named.get("region"))
    except ValueError:
        pass
    raise InvalidInput(
        "The place of objects is a URL such as s3://bucket/prefix?endpoint=https://s3.example"
        "&region=cn-north-1, and nothing else stands in it: keys come from the environment "
        "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)."
    )


def open_bucket(url: str, *, hurried: bool = False) -> "Bucket":
    """Return the bucket that a URL names; nothing is asked of it yet. Raises InvalidInput.

    One that is `hurried` gives up after a few seconds and sends nothing again.
    """
    place = parse_objects_url(url)
    try:
        from obstore.store import S3Store
    except ModuleNotFoundError as error:
        raise InvalidInput(
            "Objects in a bucket need the extra of the program for them. Install it with "
            "`pip install 'sealbook[notary,objects]'`."
        ) from error
    endpoint = place.endpoint or _from_environment(_ENDPOINTS)
    region = place.region or _from_environment(_REGIONS) or _REGION
    try:
        store = S3Store(
            place.bucket,
            prefix=place.prefix or None,
            region=region,
            config={} if endpoint is None else {"aws_endpoint_url_s3": endpoint},
            client_options={
                "connect_timeout": CONNECT,
                "timeout": HURRIED if hurried else REQUEST,
                "allow_http": _may_be_plain(endpoint),
            },
            retry_config={
                "max_retries": 0 if hurried else RETRIES,
                "retry_timeout": RETRY_FOR,
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=2),
                    "base": 2,
                },
            },
        )
    except InvalidInput:
        raise
    except Exception as error:
        raise InvalidInput(
            f"The bucket {quoted(place.bucket)} cannot be used as the environment has it: look at the "
            "variables AWS_..., and at the endpoint."
        ) from error
    name = "/".join(filter(None, ("s3:/", place.bucket, place.prefix)))
    return Bucket(store, name, _shown(endpoint or f"https://s3.{region}.amazonaws.com"))


def _shown(endpoint: str) -> str:
    """Return how an endpoint is named in messages: never with a password."""
    return _SECRETS.sub("", endpoint)


def _is_plain_endpoint(url: str) -> bool:
    """Whether a URL names a scheme, a host and perhaps a port and a path; no key and no question."""
    parts = urlsplit(url)
    return (
        parts.scheme in ("http", "https")
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and not parts.query
        and not parts.fragment
    )


def _from_environment(names: Sequence[str]) -> str | None:
    return next((value for each in names if (value := os.environ.get(each))), None)


def _may_be_plain(endpoint: str | None) -> bool:
    """Whether an endpoint may be spoken to without TLS: on this machine, or where somebody says so."""
    if endpoint is None or not endpoint.startswith("http://"):
        return False
    host = urlsplit(endpoint).hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    if not here and os.environ.get("AWS_ALLOW_HTTP", "").lower() != "true":
        raise InvalidInput(
            "The endpoint of the objects is spoken to without TLS, and is not on this machine. Name "
            "one with https, or set AWS_ALLOW_HTTP=true where the network between is yours alone."
        )
    return True


@dataclass(frozen=True, slots=True)
class Found:
    """An object, and the tag that a change of it is bound to."""

    data: bytes
    tag: str


def take_unused(bucket: "Bucket", claim: str, whose: bytes) -> None:
    """Take a place that a new notary is going to use, by an object `claim` that says `whose` it is.

    Of several at once one gets it. The place is tried with an object that goes away again. Raises
    Conflict where something lies there, or another was faster; InvalidInput where the service does not
    keep the conditions under which is put, or keeps what was removed; StorageFailed.
    """
    if not bucket.is_empty():
        if bucket.size(claim) is not None:
            raise _taken(bucket)
        raise Conflict(
            f"Something lies under {quoted(bucket.name)} already. Choose another prefix, or remove "
            "what an `init` has left there that came to no end."
        )
    if not bucket.create(claim, whose, {}):
        raise _taken(bucket)
    try:
        _require_conditions(bucket)
    except BaseException:
        bucket.delete([claim])
        raise


def _taken(bucket: "Bucket") -> Conflict:
    return Conflict(
        f"Another command is filling {quoted(bucket.name)} at this moment and was faster, or was cut "
        "short there. Wait for its end, or choose another prefix."
    )


def _require_conditions(bucket: "Bucket") -> None:
    try:
        version = bucket.put(PROBE, b"1", {})
        first = bucket.find(PROBE)
        bucket.put(PROBE, b"2", {})
        if bucket.create(PROBE, b"3", {}) or bucket.swap(PROBE, first, b"4", {}):
            raise InvalidInput(
                "The object store does not keep conditions (If-None-Match, If-Match): nothing would "
                "keep a late process from writing over what is newer. Use one that does."
            )
    finally:
        bucket.delete([PROBE])
    if version is not None:
        raise InvalidInput(
            "The bucket keeps every version of an object, so an identity record could never be "
            "erased. Use a bucket without versioning."
        )


PROBE = "sealbook-probe"


def claim_bucket(url: str, origin: str, claim: str) -> "Bucket":
    """Return the bucket that a ledger is going to fill, or has begun to: the object `claim` says whose.

    Raises Conflict where something else lies there; InvalidInput, StorageFailed.
    """
    bucket = open_bucket(url)
    found = bucket.read(claim)
    if found is None:
        take_unused(bucket, claim, origin.encode())
    elif found != origin.encode():
        raise Conflict(f"Another ledger is being moved to {quoted(bucket.name)}.")
    return bucket


class Bucket:
    """The objects under a prefix. Any thread may call every method; all raise StorageFailed."""

    def __init__(self, store: "S3Store", name: str, endpoint: str) -> None:
        self._store = store
        self.name = name
        self._endpoint = endpoint

    def read(self, key: str) -> bytes | None:
        """Return an object's bytes, None where there is none."""
        found = self.find(key)
        return None if found is None else found.data

    def find(self, key: str) -> Found | None:
        """Return an object with its tag, None where there is none."""
        import obstore

        with self._asking(key):
            try:
                found = obstore.get(self._store, key)
                return Found(found.bytes().to_bytes(), found.meta["e_tag"] or "")
            except FileNotFoundError:
                return None

    def read_at(self, key: str, offset: int, length: int) -> bytes | None:
        """Return the bytes of a range that lies within the object, None where there is none."""
        import obstore

        if length == 0:
            return b""
        with self._asking(key):
            try:
                return obstore.get_range(self._store, key, start=offset, length=length).to_bytes()
            except FileNotFoundError:
                return None

    def size(self, key: str) -> int | None:
        """Return an object's size in bytes, None where there is none."""
        import obstore

        with self._asking(key):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    def keys(self, prefix: str) -> list[str]:
        """Return the keys right under a prefix that ends with a slash, or is empty, in order."""
        import obstore

        with self._asking(prefix):
            found = obstore.list_with_delimiter(self._store, prefix.rstrip("/") or None)
            # Some services name an emptied folder besides.
            paths = (each["path"] for each in found["objects"])
            return sorted(each for each in paths if each.startswith(prefix) and each != prefix)

    def under(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the key and the bytes of all objects under a prefix that ends with a slash."""
        for key, size, _ in self.dated(prefix):
            yield key, size

    def dated(self, prefix: str) -> Iterator[tuple[str, int, int]]:
        """Yield key, bytes and time of change (POSIX, ns) of all objects that `under` yields."""
        import obstore

        with self._asking(prefix):
            for page in obstore.list(self._store, prefix.rstrip("/")):
                for each in page:
                    if each["path"].startswith(prefix) and each["path"] != prefix:
                        changed = int(each["last_modified"].timestamp()) * 1_000_000_000
                        yield each["path"], each["size"], changed

    def bytes_under(self, prefix: str) -> int:
        """Return the bytes of all objects under a prefix that ends with a slash."""
        return sum(size for _, size in self.under(prefix))

    def is_empty(self) -> bool:
        """Return whether there is nothing under the prefix."""
        import obstore

        with self._asking(""):
            return not next(iter(obstore.list(self._store, chunk_size=1)), ())

    def create(self, key: str, data: bytes, attributes: Attributes) -> bool:
        """Put an object where there is none; False where one with other bytes stands, and stays."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with self._asking(key):
            try:
                obstore.put(
                    self._store, key, data, mode="create", attributes=dict(attributes),
                    use_multipart=False,
                )  # fmt: skip
                return True
            except AlreadyExistsError:
                pass
        return self.read(key) == data

    def swap(self, key: str, old: Found | None, data: bytes, attributes: Attributes) -> bool:
        """Put an object in place of `old`, None for none; False where another one stands, and stays."""
        import obstore
        from obstore.exceptions import PreconditionError

        if old is None:
            return self.create(key, data, attributes)
        with self._asking(key):
            try:
                obstore.put(
                    self._store, key, data, mode={"e_tag": old.tag}, attributes=dict(attributes),
                    use_multipart=False,
                )  # fmt: skip
                return True
            except (PreconditionError, FileNotFoundError):
                pass
        return self.read(key) == data

    def put(self, key: str, data: bytes, attributes: Attributes) -> str | None:
        """Put an object, whatever stands there; return its version where the bucket keeps versions."""
        import obstore

        with self._asking(key):
            return obstore.put(
                self._store, key, data, attributes=dict(attributes), use_multipart=False
            )["version"]

    def put_file(self, key: str, path: Path, size: int, attributes: Attributes) -> None:
        """Put a large file, in pieces of which few are in memory; it appears whole at the end.

        S3 puts no condition on these through this client: for files whose bytes their key determines.
        """
        import obstore

        piece = max(PIECE, -(-size // MAX_PIECES))
        with self._asking(key):
            obstore.put(
                self._store, key, path, attributes=dict(attributes), use_multipart=True,
                chunk_size=piece, max_concurrency=max(1, IN_MEMORY // piece // 2),
            )  # fmt: skip

    def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, those that there are."""
        import obstore

        if keys:
            with self._asking(keys[0]):
                obstore.delete(self._store, list(keys))

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            if not any(os.environ.get(each) for each in _KEYS):
                raise StorageFailed(
                    f"There are no keys for {quoted(self.where(key))}: set AWS_ACCESS_KEY_ID and "
                    "AWS_SECRET_ACCESS_KEY in the environment."
                ) from error
            if "NoSuchBucket" in str(error):
                raise StorageFailed(
                    f"There is no bucket for {quoted(self.where(key))}: make it, or name another one."
                ) from error
            _log.warning("the object store failed: %s", quoted(str(error).partition("\n")[0][:300]))
            raise StorageFailed(self._failed(error, quoted(self.where(key)))) from error

    def _failed(self, error: Exception, where: Quoted) -> Message:
        """Return what to say of a request that failed. Nobody but the office is told."""
        store, text = quoted(self._endpoint), str(error)
        status, code = _STATUS.search(text), _CODE.search(text)
        if status is None and _NO_ANSWER in text:
            why = _WHY.search(text)
            reason = quoted((why and (why[1] or why[2])) or _NO_ANSWER)
            return (
                f"The object store at {store} does not answer for {where} ({reason}). See that it "
                "runs and that this machine reaches it, and compare the endpoint in the URL of the "
                "objects or in AWS_ENDPOINT_URL."
            )
        found = " ".join(each[1] for each in (status, code) if each) or type(error).__name__
        said = quoted(found)
        if found.startswith(("401", "403")):
            return (
                f"The object store at {store} does not let the notary use {where} ({said}). Compare "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment with what the store "
                "knows, and look at the rights of that key and at this machine's clock."
            )
        return (
            f"The object store at {store} did not take or give {where} ({said}). Look after it. "
            "Nothing is lost; try again then."
        )

    def where(self, key: str) -> str:
        """Return what to call an object in a message."""
        return f"{self.name}/{key}"
