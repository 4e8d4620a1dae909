"""Run the commands that documents show, and write down what they print.

    python -m examples.make_tour           writes README.md, docs/tour.md and docs/witnessed.md anew

In these documents a block

    ```console company
    $ sealbook list
    ```

is run by bash in that person's folder: `company`, `notary`, `court` and others. Each line that begins
with `$ ` is a command (with the lines after it, where it ends in a backslash); what follows is replaced
by what it prints. Every command has to end well. All of them are on this machine, with real keys, real
servers on loopback ports, and the dossier of make_dossier.py; the court has no network where the system
lets us cut it.

Of what is printed only this is not the program's own: folders and the company's computer have names as
in life, and ports are the usual ones. A fingerprint in a command is the one that was printed last, as
a person types it from paper.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from examples.demo import SEALBOOK, free_ports, wait_for, without_network

ROOT = Path(__file__).resolve().parents[1]
README, TOUR, WITNESSED = ROOT / "README.md", ROOT / "docs/tour.md", ROOT / "docs/witnessed.md"
FOLDERS = {
    "company": "/home/lin",
    "notary": "/srv/notary",
    "court": "/media/court",
    "archive": "/srv/archive",
    "bar": "/srv/bar",
    "chamber": "/srv/chamber",
    "authority": "/srv/authority",
    "successor": "/srv/successor",
    "stranger": "/home/ma",
}
"""person -> the folder's name in documents"""
PORTS = ("8400", "8501", "8502", "8503", "8600", "8601", "8602")
"""The ports in documents; each is a free one when the commands are run."""
PATIENCE = 240
"""Seconds within which something that was started has to show."""

PREPARED = """\
```console notary
$ sealbook notary init --origin notary.example/ledger
$ sealbook notary serve --port 8400 > log.txt 2>&1 &
```
```console company
$ sealbook init --notary http://127.0.0.1:8400 --name jinling --no-passphrase
$ cp dossier/contract.pdf .
```
```console notary
$ sealbook notary enroll /home/lin/jinling.request --name '金陵新材料有限公司' \\
      --registration 91320100MA1EXAMPLE --checked-by 'Notary Wang' \\
      --fingerprint '0000 0000 0000 0000 0000 0000 0000 0000'
```
```console company
$ sealbook deposit dossier/correspondence.mbox
$ sealbook disclose correspondence.mbox --only 'message 5/body' -o /media/court/letter.evidence
```
```console court
$ cp /srv/notary/*.trust office.trust
```
"""
"""What has happened before README.md begins."""

_BLOCK = re.compile(rf"^```console ({'|'.join(FOLDERS)})\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ (?:.*\\\n)*.*\n", re.MULTILINE)
_FINGERPRINT = re.compile(r"\b[0-9a-f]{4}(?: [0-9a-f]{4}){7}\b")
_VARIES = [
    (re.compile(r"\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d)?)?"), "TIME"),
    (re.compile(r"\d{8}T\d{6}\.\d{3}Z"), "TIME"),
    (re.compile(r"\b[0-9a-f]{4}(?: [0-9a-f]{4})+\b"), "HASH"),
    (re.compile(r"\b[0-9a-f]{12,}\b"), "HASH"),
    (re.compile(r"\b[\d.,]+ (?:B|kB|MB|bytes|s)\b"), "SIZE"),
    (re.compile(r"\b\d+\.\d+\.\d+\b"), "VERSION"),
    (re.compile(r"\b\d+ that hold"), "SOME that hold"),
    (re.compile(r" +"), " "),
]


def main() -> None:
    """Write the documents anew."""
    README.write_text(made_readme(README.read_text()))
    for path in (TOUR, WITNESSED):
        path.write_text(made_tour(path.read_text()))


def made_readme(text: str) -> str:
    """Return README.md with what its commands print."""
    with tempfile.TemporaryDirectory() as folder, People(Path(folder)) as people:
        people.transcribe(PREPARED)
        return people.transcribe(text)


def made_tour(text: str, programs: Path = SEALBOOK.parent) -> str:
    """Return docs/tour.md, or docs/witnessed.md, with what its commands print.

    `programs` is where all but the court have `sealbook` from.
    """
    with tempfile.TemporaryDirectory() as folder, People(Path(folder), programs) as people:
        return people.transcribe(text)


def normalised(text: str) -> str:
    """Return the text without what differs from run to run: times, hashes, ids, sizes, columns."""
    for pattern, name in _VARIES:
        text = pattern.sub(name, text)
    return text


def shown(text: str) -> list[tuple[str, str]]:
    """Return the commands that a document shows, each with the output beside it."""
    return [
        (command, output)
        for block in _BLOCK.finditer(text)
        for command, output in _commands(block[2])
    ]


class People:
    """A company, a notary, a court and others, each in a folder of its own, and what runs for them."""

    def __init__(self, folder: Path, programs: Path = SEALBOOK.parent) -> None:
        self.folder, self.programs = folder, programs
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self.fingerprint = ""
        self.jobs: dict[str, Job] = {}
        self.offline = without_network()

    def __enter__(self) -> "People":
        for person in FOLDERS:
            (self.folder / person).mkdir()
        make = [sys.executable, ROOT / "examples/make_dossier.py", self.folder / "company/dossier"]
        subprocess.run(make, check=True)
        return self

    def __exit__(self, *_: object) -> None:
        for job in self.jobs.values():
            job.stop()

    def transcribe(self, text: str) -> str:
        """Run the commands of a document in their order; return it with what they print."""

        def block(match: re.Match[str]) -> str:
            person = match[1]
            lines = []
            for command, _ in _commands(match[2]):
                typed = _FINGERPRINT.sub(self.fingerprint, command)
                lines += [typed, self.run(person, typed)]
            return f"```console {person}\n{''.join(lines)}```"

        return _BLOCK.sub(block, text)

    def run(self, person: str, command: str) -> str:
        """Run a command of a document; return what it prints, and what runs beside it meanwhile."""
        line = self._real(command.removeprefix("$ ").replace("\\\n", " ").strip())
        job = self.jobs.get(person)
        if line.endswith(" &"):
            self.jobs[person] = Job(self.folder / f"{person}.out", self._words(person, line[:-2]))
            return self._named(self.jobs[person].begun(self._listens(line)))
        if line == "kill -INT %1" and job is not None:
            return self._named(self.jobs.pop(person).stop())
        done = subprocess.run(
            **self._words(person, line), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output = done.stdout
        if done.returncode:
            raise SystemExit(f"exit code {done.returncode} of: {line}\n{output}")
        if job is not None and job.reports:
            output += job.until("deposited")
        output = self._named(output)
        if found := _FINGERPRINT.findall(output):
            self.fingerprint = found[-1]
        return output

    def _words(self, person: str, line: str) -> dict[str, Any]:
        """Return how to start a line of shell in a person's folder."""
        programs = SEALBOOK.parent if person == "court" else self.programs
        return {
            "args": [*(self.offline if person == "court" else ()), "bash", "-c", line],
            "cwd": self.folder / person,
            "env": {
                "PATH": f"{programs}:{SEALBOOK.parent}:{os.environ['PATH']}",
                "HOME": str(self.folder / person) if person == "company" else "/nonexistent",
                "PYTHONPATH": str(ROOT),
                "LANG": "C.UTF-8",
                "COLUMNS": "80",
            },
            "stdin": subprocess.DEVNULL,
            "text": True,
        }

    def _real(self, line: str) -> str:
        for person, name in FOLDERS.items():
            line = line.replace(name, str(self.folder / person))
        for named, port in self.ports.items():
            line = line.replace(named, port)
        return line

    def _listens(self, line: str) -> str | None:
        """Return the port at which what a line starts will take connections, None where it will not."""
        words = line.split(" > ")[0].replace(":", " ").split()
        return next((port for port in self.ports.values() if words[-1] == port), None)

    def _named(self, output: str) -> str:
        for person, name in FOLDERS.items():
            output = output.replace(str(self.folder / person), name)
        for named, port in self.ports.items():
            output = output.replace(port, named)
        return output.replace(f"“{socket.gethostname()}”", "“counsel-2”")


class Job:
    """A command in the background, and the file that it prints to."""

    def __init__(self, output: Path, start: dict[str, Any]) -> None:
        self.output, self.read, self.reports = output, 0, False
        with output.open("w") as file:
            self.process = subprocess.Popen(
                **start,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # A shell that runs this in the background has had Ctrl-C ignored.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def begun(self, port: str | None) -> str:
        """Wait until it takes connections at `port`, or has printed a line; return what it printed."""
        if port is not None:
            wait_for(int(port), self.process)
            return ""
        self.reports = True
        return self.until("")

    def until(self, start: str) -> str:
        """Wait for a line that begins with `start`; return what was printed since the last time."""
        deadline = time.monotonic() + PATIENCE
        while not any(line.startswith(start) for line in self._new().splitlines()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"no line {start!r} came: {self._new()}")
            time.sleep(0.05)
        return self._taken()

    def stop(self) -> str:
        """End it as Ctrl-C does; return what it printed since the last time."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(PATIENCE)
        return self._taken()

    def _new(self) -> str:
        text = self.output.read_text()[self.read :]
        return text[: text.rfind("\n") + 1]

    def _taken(self) -> str:
        new = self._new()
        self.read += len(new)
        return new


def _commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, as it stands there, and the output below it."""
    found = list(_COMMAND.finditer(block))
    ends = [match.start() for match in found[1:]] + [len(block)]
    for match, end in zip(found, ends, strict=True):
        yield match[0], block[match.end() : end]


if __name__ == "__main__":
    main()
