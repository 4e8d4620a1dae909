"""`sealbook notary staff` and `sealbook notary trail`: at the terminal, beside the portal."""

import json
from pathlib import Path
from typing import Any

from ledger.notary.desk.challenges import Challenges
from ledger.notary.desk.door import Door, Visitor
from ledger.notary.desk.passkeys import Site
from ledger.notary.storage.desk import open_staff_desk
from ledger.notary.storage.records import record_folder
from tests.cli.conftest import ORIGIN, Served, run
from tests.core.test_desk import altered

SITE = Site("http://localhost:8400", "localhost", "Office")


def desk(served: Served, *arguments: object, code: int = 0) -> Any:
    command = ("notary", *arguments, "--dir", served.directory, "--json")
    return json.loads(run(*command, code=code).stdout.splitlines()[0])


def test_somebody_is_added_and_comes_in_by_the_link_that_is_printed(own_notary: Served) -> None:
    shown = run(
        "notary", "staff", "add", "Wang Li", "--role", "clerk", "--dir", own_notary.directory
    )
    (address,) = (each for each in shown.stdout.split() if each.startswith("http"))
    assert "change 8400" in " ".join(shown.stdout.split())
    where, _, secret = address.partition("#")
    assert where == "http://localhost:8400/office/link"
    assert desk(own_notary, "staff", "list")["staff"] == [
        {"name": "Wang Li", "role": "clerk", "active": True, "passkeys": 0, "code": False}
    ]
    opened = open_staff_desk(
        own_notary.directory / "desk.sqlite",
        ORIGIN,
        record_folder(own_notary.directory / "requests"),
    )
    door = Door(opened, SITE, Challenges(opened))
    assert door.enter_by_link(Visitor("cookie", "127.0.0.1"), secret, "")
    opened.close()
    assert "cannot sign in" in run("notary", "staff", "list", "--dir", own_notary.directory).stdout


def test_the_link_leads_to_the_address_of_the_settings(own_notary: Served) -> None:
    settings = own_notary.directory / "notary.toml"
    settings.write_text(f'portal = "https://notary.example/"\n{settings.read_text()}')
    link = desk(own_notary, "staff", "add", "Wang Li", "--role", "officer")["link"]
    assert link.startswith("https://notary.example/office/link#")
    settings.write_text(
        settings.read_text().replace("https://notary.example/", "http://localhost:8411")
    )
    assert desk(own_notary, "staff", "link", "wang li")["link"].startswith("http://localhost:8411/")
    settings.write_text(settings.read_text().replace("localhost:8411", "notary.example"))
    refused = run("notary", "staff", "link", "wang li", "--dir", own_notary.directory, code=1)
    assert "nobody signs in there" in " ".join(refused.stderr.split())


def test_somebody_is_reset_linked_and_removed(own_notary: Served) -> None:
    first = desk(own_notary, "staff", "add", "Wang Li", "--role", "clerk")["link"]
    assert desk(own_notary, "staff", "link", "wang li")["link"] != first
    assert desk(own_notary, "staff", "reset", "Wang Li")["seconds"] == 3_600
    again = desk(own_notary, "staff", "add", "WANG LI", "--role", "officer", code=1)
    assert again["error"]["code"] == "conflict"
    desk(own_notary, "staff", "remove", "Wang Li")
    assert desk(own_notary, "staff", "link", "Wang Li", code=1)["error"]["code"] == "not-found"
    assert "removed" in run("notary", "staff", "list", "--dir", own_notary.directory).stdout


def test_the_trail_is_listed_exported_and_found_altered(own_notary: Served, tmp_path: Path) -> None:
    for name in ("Wang Li", "Zhao Min", "Sun Yi"):
        desk(own_notary, "staff", "add", name, "--role", "clerk")
    shown = run("notary", "trail", "list", "--dir", own_notary.directory).stdout
    assert "Zhao Min (clerk)" in shown and "added to the staff" in shown
    chinese = run("notary", "trail", "list", "--lang", "zh", "--dir", own_notary.directory).stdout
    assert "加入" in chinese and "Zhao Min (经办员)" in chinese and "clerk" not in chinese
    kept = tmp_path / "kept.trail"
    assert desk(own_notary, "trail", "export", "-o", kept)["rows"] == 3
    desk(own_notary, "staff", "remove", "Sun Yi")
    assert desk(own_notary, "trail", "check", kept)["compared"] == 3
    assert desk(own_notary, "fsck")["findings"] == []
    altered(own_notary.directory / "desk.sqlite", "DELETE FROM trail WHERE number > 1")
    assert desk(own_notary, "trail", "check")["rows"] == 2
    cut = run("notary", "trail", "check", kept, "--dir", own_notary.directory, code=1)
    assert "cut off" in cut.stderr
    altered(own_notary.directory / "desk.sqlite", "UPDATE trail SET who = 'x' WHERE number = 0")
    assert desk(own_notary, "trail", "check", code=1)["error"]["code"] == "verification-failed"
    found = run("notary", "fsck", "--lang", "zh", "--dir", own_notary.directory, code=1).stdout
    assert found.startswith("错误\n") and "审计日志" in found


def test_what_is_no_export_is_named(own_notary: Served, tmp_path: Path) -> None:
    for data in (b"\xff", b"[]\n", b'{"number": "x"}\n', b"1\n"):
        (tmp_path / "x").write_bytes(data)
        shown = run(
            "notary", "trail", "check", tmp_path / "x", "--dir", own_notary.directory, code=1
        )
        assert "no export" in shown.stderr
