"""`make demo`: a company, a notary, its witnesses, a court and a stranger, in under a minute.

Everything happens in the folder `demo/` with real commands, real keys and a real server on a loopback
port. The court's part runs without a network (where the system lets us cut it), without a home and with
the notary's directory gone.
"""

import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.tsa import started

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
SEALBOOK = Path(sys.executable).with_name("sealbook")
ORIGIN = "demo.notary.example/ledger"
ONLY = ["--only", "message 5/body", "--only", "message 5/header/Subject"]
WITNESSES = ("archive", "bar", "chamber")
COMPANY = {"SEALBOOK_HOME": str(DEMO / "company" / "vault")}


def main() -> None:
    """Play the story; stop with exit code 1 at the first command that does not do what it should."""
    begun = time.monotonic()
    shutil.rmtree(DEMO, ignore_errors=True)
    for person in ("company", "notary", "court", "stranger", *WITNESSES):
        (DEMO / person).mkdir(parents=True)

    say("A dossier: a contract in Chinese and English, a folder of annexes, a mailbox")
    subprocess.run([sys.executable, ROOT / "examples/make_dossier.py", dossier()], check=True)
    show(["ls", "-l", "dossier"], DEMO / "company")

    say("The notary office founds its ledger and starts the service")
    sealbook("notary", "init", "--origin", ORIGIN, cwd="notary")
    port, *others = free_ports(1 + len(WITNESSES))
    with ExitStack() as running:
        vouched(running, others)
        story(port)
    print(f"\nAll of this took {time.monotonic() - begun:.1f} s and lies in {DEMO.name}/.")


def vouched(running: ExitStack, ports: list[int]) -> None:
    """Start an authority and three witnesses, and have the office name them."""
    say("Three institutions cosign the ledger from now on, and an authority stamps it")
    (trust,) = (DEMO / "notary").glob("*.trust")
    for person, at in zip(WITNESSES, ports, strict=True):
        sealbook("witness", "init", "w", "--name", f"{person}.example", cwd=person)
        sealbook("witness", "add", "w", "--trust", str(trust), cwd=person)
        serve = [SEALBOOK, "witness", "serve", "w", "--listen", f"127.0.0.1:{at}"]
        print(f"$ sealbook witness serve w --listen 127.0.0.1:{at} &", flush=True)
        running.enter_context(beside(serve, DEMO / person))
        wait_for(at)
        key = json.loads(sealbook("witness", "show", "w", "--json", cwd=person, quiet=True))
        vkey = key["vkeys"][-1]
        sealbook("notary", "witness", vkey, f"http://127.0.0.1:{at}", cwd="notary")
    tsa = running.enter_context(started(DEMO / "authority"))
    print(f"(OpenSSL answers as a timestamp authority at {tsa.url})")
    sealbook(
        "notary", "timestamp", "Demo TSA", tsa.url, "--root", str(DEMO / "authority/root.pem"),
        "--interval", "1", cwd="notary",
    )  # fmt: skip


@contextmanager
def beside(command: list[str | Path], folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command beside the story, in a folder, and end it afterwards."""
    with (DEMO / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def story(port: int) -> None:
    """Serve, deposit, disclose; then without the notary."""
    command: list[str | Path] = [SEALBOOK, "notary", "serve", "--port", str(port)]
    print(f"$ sealbook notary serve --port {port} &", flush=True)
    with beside(command, DEMO / "notary") as notary:
        wait_for(port, notary)
        company_and_notary(port)
        say("A stranger audits the whole ledger and keeps a mirror of it")
        shutil.copy(next((DEMO / "notary").glob("*.trust")), DEMO / "stranger" / "office.trust")
        url = f"http://127.0.0.1:{port}"
        mirror = ["--trust", "office.trust", "--mirror", "mirror"]
        sealbook("audit", url, *mirror, cwd="stranger")
    court()


def company_and_notary(port: int) -> None:
    """Enrol a company, deposit its dossier, disclose the contract."""
    say("The company makes its keys and asks to be enrolled (no passphrase: this is a demo)")
    setup = [
        "init", "--notary", f"http://127.0.0.1:{port}", "--name", "jinling", "--no-passphrase",
    ]  # fmt: skip
    answer = json.loads(sealbook(*setup, "--json", env=COMPANY, quiet=True))
    print(f"request {answer['request']}, fingerprint on paper: {answer['fingerprint']}")

    say("The office checks who that is, compares the paper's fingerprint, and enrols")
    sealbook(
        "notary", "enroll", answer["request"],
        "--name", "金陵新材料有限公司 Jinling Advanced Materials Co., Ltd.",
        "--registration", "91320100MA1EXAMPLE", "--checked-by", "Notary Wang",
        "--fingerprint", answer["fingerprint"], cwd="notary",
    )  # fmt: skip

    say(
        "The company seals and deposits: a file, a folder, a mailbox; three deposits, three receipts"
    )
    papers = [f"dossier/{name}" for name in ("contract.pdf", "annexes", "correspondence.mbox")]
    sealbook("deposit", *papers, env=COMPANY)
    sealbook("list", env=COMPANY)
    sealbook("notary", "blocks", cwd="notary")

    say("A dispute: the company discloses the contract to the court")
    sealbook("disclose", "contract.pdf", "-o", "case-114.evidence", env=COMPANY)

    say("Of the mailbox, one message's text and nothing else")
    sealbook("parts", "correspondence.mbox", "pricing", env=COMPANY)
    sealbook("disclose", "correspondence.mbox", *ONLY, "-o", "letter.evidence", env=COMPANY)


def stranger(offline: list[str]) -> None:
    """Hold a receipt against the mirror, without the notary."""
    say("The notary is gone. The stranger's mirror still shows that this receipt is of its ledger")
    shutil.copy(dossier() / "contract.pdf.receipt", DEMO / "stranger")
    receipt = ["--receipt", "contract.pdf.receipt"]
    trust = ["--trust", "office.trust"]
    sealbook("audit", "mirror", *trust, *receipt, cwd="stranger", prefix=offline)


def court() -> None:
    """Verify as a court would: no network, no home, no notary; then with one byte changed."""
    say("The court gets the evidence file from the company, the trust file from the office")
    for name in ("case-114.evidence", "letter.evidence"):
        shutil.copy(DEMO / "company" / name, DEMO / "court")
    (trust,) = (DEMO / "notary").glob("*.trust")
    shutil.copy(trust, DEMO / "court" / "office.trust")
    shutil.move(DEMO / "notary", DEMO / "notary-gone")
    shutil.move(DEMO / "company" / "vault", DEMO / "company" / "vault-gone")
    verify = ["verify", "case-114.evidence", "--trust", "office.trust"]
    offline = without_network()
    alone = {
        "HOME": "/nonexistent",
        "SEALBOOK_HOME": "/nonexistent",
        "XDG_DATA_HOME": "/nonexistent",
    }
    sealbook("trust", "show", "office.trust", cwd="court", env=alone, prefix=offline)
    sealbook(*verify, "-o", "shown", cwd="court", env=alone, prefix=offline)
    original = (dossier() / "contract.pdf").read_bytes()
    (shown,) = (DEMO / "court" / "shown").rglob("contract.pdf")
    if shown.read_bytes() != original:
        sys.exit("the court's contract.pdf is not the company's")
    print("court/shown holds the contract, byte for byte.")

    say("Of the mailbox the court sees one message's text, its place, and that the rest is hidden")
    letter = ["verify", "letter.evidence", "--trust", "office.trust", "-o", "shown"]
    sealbook(*letter, cwd="court", env=alone, prefix=offline)
    (text,) = (DEMO / "court" / "shown").rglob("body*")
    if text.read_bytes() not in (dossier() / "correspondence.mbox").read_bytes():
        sys.exit("the text that the court sees is not in the company's mailbox")

    say("The same report in Chinese")
    sealbook(*verify, "--lang", "zh", cwd="court", env=alone, prefix=offline)

    stranger(offline)

    say("One byte of the contract in the evidence file is changed")
    evidence = bytearray((DEMO / "court" / "case-114.evidence").read_bytes())
    place = evidence.find(original[1000:1064]) + 20
    evidence[place] ^= 1
    (DEMO / "court" / "case-114.evidence").write_bytes(evidence)
    sealbook(*verify, cwd="court", env=alone, prefix=offline, expect=1)


def sealbook(
    *arguments: str,
    cwd: str = "company",
    env: dict[str, str] | None = None,
    prefix: list[str] | None = None,
    expect: int = 0,
    quiet: bool = False,
) -> str:
    """Run and print a command in one person's folder; return its output."""
    shown = shlex.join(["sealbook", *arguments]).replace(str(DEMO / "company") + "/", "")
    print("$", *(prefix or []), shown, flush=True)
    result = subprocess.run(
        [*(prefix or []), SEALBOOK, *arguments],
        cwd=DEMO / cwd,
        env={**os.environ, "LANG": "en_US.UTF-8", **(env or {})},
        stdout=subprocess.PIPE,
        text=True,
    )
    if not quiet:
        print(result.stdout, flush=True)
    if result.returncode != expect:
        sys.exit(f"demo: expected exit code {expect}, got {result.returncode}")
    if expect:
        print(f"(exit code {expect}, as it must be)")
    return result.stdout


def say(text: str) -> None:
    """Print a heading."""
    print(f"\n── {text}\n", flush=True)


def show(command: list[str], cwd: Path) -> None:
    """Run and print a command that is not ours."""
    print(f"$ {shlex.join(command)}", flush=True)
    subprocess.run(command, cwd=cwd, check=True)


def dossier() -> Path:
    """Return the company's folder of papers."""
    return DEMO / "company" / "dossier"


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def wait_for(port: int, process: "subprocess.Popen[bytes] | None" = None) -> None:
    """Wait until somebody takes connections at a port."""
    for _ in range(1200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.05)
    sys.exit(f"demo: nothing listens at port {port}; see the logs in {DEMO.name}/")


def without_network() -> list[str]:
    """Return the command that cuts the network, empty where the system does not allow it."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare"):
            tried = subprocess.run([*command, "true"], stderr=subprocess.DEVNULL)
            if tried.returncode == 0:
                return command
    print("(this system does not let us cut the network; the court's commands run with it)")
    return []


if __name__ == "__main__":
    main()
