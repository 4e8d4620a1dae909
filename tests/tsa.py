"""A timestamp authority: `openssl ts -reply` behind a loopback server, honest or at fault.

    with started(directory) as tsa:
        tsa.url, tsa.root, tsa.revocation_list(...)

`python -m tests.tsa DIR [YEARS [PORT]]` runs one until it is interrupted and prints its URL. Its root
is DIR/root.pem, YEARS is how long its certificates last (10).
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import run
from threading import Event, Lock, Thread
from time import time

from ledger.chain.timestamp.request import MAX_RESPONSE, RESPONSE_TYPE
from ledger.crypto import der
from tests.certificates import Party, Revoked, issue, revocation_list

POLICY, OTHER_POLICY = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"

FAULTS = ("slow", "drip", "redirect", "large", "rejected", "error", "garbage", "nonce", "imprint",
          "policy")  # fmt: skip
"""What `Tsa.fault` can be: how it answers late, elsewhere, too much, with no token or another one."""


class Tsa:
    """A running authority. `fault` is one of `FAULTS` or None and can change at any time.

    `requests` counts what it was asked. `signer`, `issuer` and `root` are its certificates. `files` is
    what it answers a GET with, by path.
    """

    def __init__(
        self, directory: Path, *, accuracy: str = "secs:1", port: int = 0, years: int = 10
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.fault: str | None = None
        self.requests = 0
        start = int(time()) - 86_400
        self.root = issue("Timestamp Root", start=start, years=years + 20, ca=True)
        self.issuer = issue(
            "Timestamp Authority", self.root, start=start, years=years + 10, ca=True
        )
        self.files: dict[str, bytes] = {}
        self.signer = issue("Timestamp Unit 1", self.issuer, start=start, years=years)
        self._write(accuracy)
        self._released, self._lock = Event(), Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"

    def start(self) -> "Tsa":
        self._thread.start()
        return self

    def stop(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: bytes) -> bytes:
        """Return what OpenSSL answers."""
        query, reply = self.directory / "query.tsq", self.directory / "reply.tsr"
        with self._lock:
            query.write_bytes(request)
            run(
                ["openssl", "ts", "-reply", "-config", self.directory / "tsa.conf", "-queryfile",
                 query, "-out", reply],
                check=True,
                capture_output=True,
            )  # fmt: skip
            return reply.read_bytes()

    def certify(self, signer: Party) -> None:
        """Go on with another signer's certificate."""
        with self._lock:
            self.signer = signer
            self._write_signer()

    def revocation_lists(
        self, revoked: Sequence[Revoked] = (), *, this_update: int | None = None
    ) -> tuple[bytes, bytes]:
        """Return the intermediate's list, which names `revoked`, and the root's, which is empty."""
        at = int(time()) if this_update is None else this_update
        return revocation_list(self.issuer, at, revoked), revocation_list(self.root, at)

    def _write(self, accuracy: str) -> None:
        here = self.directory
        (here / "root.pem").write_bytes(self.root.pem)
        (here / "chain.pem").write_bytes(self.issuer.pem + self.root.pem)
        self._write_signer()
        (here / "serial").write_text("01\n")
        (here / "tsa.conf").write_text(
            f"""[tsa]
default_tsa = one
[one]
serial = {here}/serial
signer_cert = {here}/signer.pem
certs = {here}/chain.pem
signer_key = {here}/signer.key
signer_digest = sha256
default_policy = {POLICY}
other_policies = {OTHER_POLICY}
digests = sha256, sha384, sha512
{f"accuracy = {accuracy}" if accuracy else ""}
clock_precision_digits = 3
tsa_name = yes
ess_cert_id_alg = sha256
"""
        )

    def _write_signer(self) -> None:
        (self.directory / "signer.pem").write_bytes(self.signer.pem)
        (self.directory / "signer.key").write_bytes(self.signer.key_pem)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        tsa = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                tsa.requests += 1
                request = self.rfile.read(int(self.headers["Content-Length"]))
                with suppress(OSError):  # the client has gone, as it should
                    tsa._serve(self, request)

            def do_GET(self) -> None:
                data = tsa.files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_: object) -> None: ...

        return Handler

    def _serve(self, http: BaseHTTPRequestHandler, request: bytes) -> None:
        fault = self.fault
        if fault == "slow":
            self._released.wait(60)
        body = {
            "large": lambda: bytes(MAX_RESPONSE + 1),
            "garbage": lambda: b"<html>sign in</html>",
            "rejected": lambda: der.sequence(der.sequence(der.integer(2))),
        }.get(fault or "", lambda: self.answer(_changed(request, fault)))()
        http.send_response({"redirect": 302, "error": 500}.get(fault or "", 200))
        if fault == "redirect":
            http.send_header("Location", self.url + "elsewhere")
        http.send_header("Content-Type", RESPONSE_TYPE)
        http.send_header("Content-Length", str(len(body)))
        http.end_headers()
        if fault != "drip":
            http.wfile.write(body)
            return
        for byte in body:
            http.wfile.write(bytes((byte,)))
            http.wfile.flush()
            if self._released.wait(0.25):
                return


@contextmanager
def started(directory: Path, *, accuracy: str = "secs:1") -> Iterator[Tsa]:
    """Run an authority that keeps its files in `directory`."""
    tsa = Tsa(directory, accuracy=accuracy).start()
    try:
        yield tsa
    finally:
        tsa.stop()


def _changed(request: bytes, fault: str | None) -> bytes:
    """Return a request for something else, so that the token does not fit the one that was made."""
    version, imprint, *others = der.children(der.read(request))
    algorithm, value = der.children(imprint)
    rest = {each.tag: each.raw for each in others}
    if fault == "nonce":
        rest[der.INTEGER] = der.integer(7)
    if fault == "policy":
        rest = {der.OID: der.oid(OTHER_POLICY)} | rest | {der.OID: der.oid(OTHER_POLICY)}
    hashed = bytes(len(value.content)) if fault == "imprint" else value.content
    return der.sequence(
        version.raw,
        der.sequence(algorithm.raw, der.encode(der.OCTET_STRING, hashed)),
        *rest.values(),
    )


def main() -> None:
    directory, *numbers = sys.argv[1:]
    years, port = [*map(int, numbers), *(10, 0)[len(numbers) :]]
    tsa = Tsa(Path(directory).absolute(), port=port, years=years).start()
    sys.stdout.write(f"{tsa.url}\n")
    sys.stdout.flush()
    with suppress(KeyboardInterrupt):
        tsa._thread.join()
    tsa.stop()


if __name__ == "__main__":
    main()
