"""A stranger audits a notary that serves, keeps a mirror and shows it to others."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner

from ledger.auditor.serving import MirrorServer
from ledger.cli.root import cli
from ledger.notary.auditors import MAX_NAME
from tests import logs
from tests.service.conftest import Account, Service


def run(*arguments: object) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(cli, [*map(str, arguments), "--json"])
    lines = map(json.loads, result.stdout.splitlines())  # the service writes its log there, too
    return result.exit_code, next(each for each in lines if "event" not in each)


@pytest.fixture
def trust(service: Service, tmp_path: Path) -> Path:
    path = tmp_path / "office.trust"
    path.write_bytes(service.notary.trust)
    return path


@pytest.fixture
def credential(notary_folder: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "audit.credential"
    assert run("notary", "auditor", "add", "Audit Ltd", "-o", path, "--dir", notary_folder)[0] == 0
    logs.plant(path.read_text().strip())
    yield path
    run("notary", "auditor", "remove", "Audit Ltd", "--dir", notary_folder)


@pytest.fixture
def mirror(service: Service, company: Account, trust: Path, tmp_path: Path) -> Path:
    for _ in range(3):
        company.deposit()
    folder = tmp_path / "mirror"
    code, found = run("audit", service.url, "--trust", trust, "--mirror", folder)
    assert (code, found["good"], found["entries_read"]) == (0, True, False)
    return folder


@pytest.fixture
def served(mirror: Path) -> Iterator[str]:
    with MirrorServer(("127.0.0.1", 0), mirror) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_mirror_grows_by_what_is_new(
    service: Service, company: Account, trust: Path, mirror: Path
) -> None:
    before = run("audit", mirror, "--trust", trust)[1]
    company.deposit()
    code, found = run("audit", service.url, "--trust", trust, "--mirror", mirror)
    assert (code, found["from_block"]) == (0, before["blocks"])
    whole = run("audit", mirror, "--trust", trust)[1]
    assert (whole["from_block"], whole["entries"]) == (0, found["entries"])


def test_a_mirror_is_audited_where_it_is_served(served: str, trust: Path, mirror: Path) -> None:
    code, found = run("audit", served, "--trust", trust)
    assert (code, found) == run("audit", mirror, "--trust", trust)
    assert code == 0


def test_a_mirror_serves_no_entries_and_nothing_else(
    service: Service, trust: Path, credential: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "whole"
    arguments = "--trust", trust, "--mirror", folder, "--credential", credential
    assert run("audit", service.url, *arguments)[0] == 0
    assert list((folder / "tile" / "entries").rglob("*"))
    with MirrorServer(("127.0.0.1", 0), folder) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_port}"
        width = next((folder / "tile" / "0").rglob("*.p/*")).relative_to(folder / "tile" / "0")
        assert httpx2.get(f"{base}/tile/0/{width}").status_code == 200
        for path in (f"tile/entries/{width}", "audit.state", "tile/0/../../audit.state",
                     "%2e%2e/office.trust", "blocks/00", "blocks/99", "", "tile"):  # fmt: skip
            assert httpx2.get(f"{base}/{path}").status_code == 404, path
        assert httpx2.post(f"{base}/checkpoint").status_code == 405
        server.shutdown()


def test_with_a_credential_the_entries_are_audited(
    service: Service, trust: Path, credential: Path, notary_folder: Path
) -> None:
    assert credential.stat().st_mode & 0o777 == 0o600
    arguments = "audit", service.url, "--trust", trust, "--credential", credential
    code, found = run(*arguments)
    assert (code, found["entries_read"]) == (0, True)
    run("notary", "auditor", "remove", "Audit Ltd", "--dir", notary_folder)
    code, found = run(*arguments)
    assert code == 1
    assert "admitted" in str(found)


@pytest.mark.parametrize("sent", ["Bearer x", "Bearer", "Basic x", "", "Bearer " + "ä" * 9])
def test_another_credential_opens_nothing(service: Service, credential: Path, sent: str) -> None:
    header = {"authorization": sent.encode()} if sent else {}
    answer = service.http.get("/tile/entries/000.p/1", headers=header)  # type: ignore[arg-type]
    assert answer.status_code == 403


def test_a_name_is_admitted_once(notary_folder: Path, credential: Path, tmp_path: Path) -> None:
    add = "notary", "auditor", "add"
    for name in ("Audit Ltd", "", "a" * (MAX_NAME + 1), "a\nb"):
        code, found = run(*add, name, "-o", tmp_path / "other", "--dir", notary_folder)
        assert code == 1, found
    assert not (tmp_path / "other").exists()
    code, found = run(*add, "Second", "-o", credential, "--dir", notary_folder)
    assert code == 1
    listed = run("notary", "auditor", "list", "--dir", notary_folder)[1]["auditors"]
    assert [each["name"] for each in listed] == ["Audit Ltd"]
    assert abs(listed[0]["admitted"] - time.time()) < 600
    assert os.fspath(credential.read_text()).strip() not in str(listed)


def test_an_interrupted_mirror_goes_on(
    service: Service, company: Account, trust: Path, mirror: Path
) -> None:
    """The state is written after the mirror: whoever is killed between leaves the mirror ahead."""
    state = (mirror / "audit.state").read_bytes()
    company.deposit()
    assert run("audit", service.url, "--trust", trust, "--mirror", mirror)[0] == 0
    (mirror / "audit.state").write_bytes(state)
    assert run("audit", service.url, "--trust", trust, "--mirror", mirror)[0] == 0
    assert run("audit", mirror, "--trust", trust)[0] == 0


def test_a_receipt_lies_in_the_ledger_that_a_mirror_shows(
    company: Account, trust: Path, mirror: Path, service: Service, tmp_path: Path
) -> None:
    receipt = tmp_path / "a.receipt"
    receipt.write_bytes(company.deposit()[1])
    code, found = run("audit", mirror, "--trust", trust, "--receipt", receipt)
    assert code == 1
    assert "behind" in str(found)
    deadline = time.monotonic() + 30
    while code and time.monotonic() < deadline:  # the notary publishes once a second
        run("audit", service.url, "--trust", trust, "--mirror", mirror)
        code, found = run("audit", mirror, "--trust", trust, "--receipt", receipt)
    assert code == 0, found
    assert found["receipts"] == [str(receipt)]


def test_a_state_without_its_mirror_is_refused(
    service: Service, trust: Path, mirror: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    code, found = run("audit", service.url, "--trust", trust, "--mirror", other,
                      "--since", mirror / "audit.state")  # fmt: skip
    assert code == 1
    assert "begin anew" in str(found)
    assert not (other / "checkpoint").exists()


def test_what_is_no_ledger_is_said(service: Service, trust: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("audit", empty, "--trust", trust)[0] == 1
    assert run("audit", tmp_path / "none", "--trust", trust)[0] == 2
    garbage = tmp_path / "x.fault"
    garbage.write_bytes(b"\xa1" * 100)
    assert run("fault", garbage, "--trust", trust)[0] == 1
