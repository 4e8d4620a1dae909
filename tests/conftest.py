"""What holds for all tests."""

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ledger.crypto.keys import SigningKey
from tests import logs
from tests.objects import ObjectServer, OwnServer, running
from tests.postgres import Missing, Postgres

# Machines are shared: how long one example takes says nothing about the code.
settings.register_profile("sealbook", deadline=None)
settings.load_profile("sealbook")

# What is written durably makes a disk wait, thousands of times in all; no test cuts its power. So
# temporary folders lie in memory, where there is room for what one run leaves.
MEMORY, ROOM = Path("/dev/shm"), 2 << 30
if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Look for garbage among what tests make, not again and again among what was imported for all."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer | OwnServer]:
    """A real object store, with keys for it in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        server = running(tmp_path_factory.mktemp("objects"), patch)
        yield server
        if isinstance(server, ObjectServer):
            server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; see `tests.postgres`."""
    try:
        server = Postgres()
    except Missing as missing:
        pytest.skip(f"no PostgreSQL: {missing}")
    yield server
    server.close()


@pytest.fixture(scope="session", autouse=True)
def no_secret_in_any_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What servers log holds no key, name or other secret that the session's tests have used."""
    folder = tmp_path_factory.mktemp("logs")
    make = SigningKey.__init__

    def made(self: SigningKey, seed: bytes) -> None:
        logs.plant(seed)
        make(self, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(logs.VARIABLE, str(folder))
        patch.setattr(SigningKey, "__init__", made)
        logs.keep_notaries()
        yield
    assert not list(logs.leaks(folder))
