"""What stands in deploy/ fits the program, and systemd understands its units."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from fastapi.routing import APIRoute

from api import deposits, envelopes, probes
from api.server import GRACE
from ledger.cli.notary.group import DIRECTORY_VARIABLE
from ledger.cli.root import LASTING, cli
from ledger.notary.options import OPTIONS, choose

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
CLUSTER = sorted((DEPLOY / "cluster").glob("*.service"))
SERVICES = [each for each in UNITS if each.suffix == ".service"]
PROGRAM = "/opt/sealbook/bin/sealbook"
PORT = next(each.default for each in OPTIONS if each.name == "port")


def fields(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and line[0] not in "#["]
    assert all("=" in line for line in lines), path
    return dict(line.split("=", 1) for line in lines)


def parsed(words: list[str]) -> click.Context:
    """Parse a command line as the program would, and run nothing."""
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
        context = click.Context(command, parent=context)
    command.parse_args(context, list(words))
    return context


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_there_is_and_is_hardened(unit: Path) -> None:
    said = fields(unit)
    program, *words = shlex.split(said["ExecStart"])
    assert program == PROGRAM
    parsed([re.sub(r"\$\{\w+\}", "x", word) for word in words])
    assert said["User"] not in ("", "root")
    assert said["ProtectSystem"] == "strict"
    assert said["NoNewPrivileges"] == said["MemoryDenyWriteExecute"] == "true"
    assert said["CapabilityBoundingSet"] == ""


def test_the_notary_is_given_time_to_answer_what_it_has_accepted() -> None:
    assert int(fields(DEPLOY / "systemd/sealbook-notary.service")["TimeoutStopSec"]) > GRACE


def test_the_notary_is_started_again_until_a_person_has_to_see_to_it() -> None:
    said = fields(DEPLOY / "systemd/sealbook-notary.service")
    assert (said["Restart"], said["StartLimitIntervalSec"]) == ("on-failure", "0")
    assert (said["Type"], said["TimeoutStartSec"]) == ("notify", "infinity")
    witness = fields(DEPLOY / "systemd/sealbook-witness.service")
    for each in (said, witness):
        assert each["RestartPreventExitStatus"] == f"2 {LASTING}"


def test_hardening_leaves_what_the_handbook_promises() -> None:
    notary = fields(DEPLOY / "systemd/sealbook-notary.service")
    assert "ProcSubset" not in notary, "process_* would be gone from the metrics"
    doctor = fields(DEPLOY / "systemd/sealbook-doctor.service")
    assert "ProtectClock" not in doctor, "whether the clock is synchronised could not be read"
    assert "After" not in doctor, (
        "it would wait for a notary that does not get to the end of its start"
    )
    assert "--serving" in shlex.split(doctor["ExecStart"]), (
        "nobody would be told that it is not there"
    )
    assert {"adjtimex", "clock_adjtime"} <= set(doctor["SystemCallFilter"].split())


def test_the_service_may_write_where_the_backup_that_is_ordered_goes() -> None:
    target = shlex.split(fields(DEPLOY / "systemd/sealbook-backup.service")["ExecStart"])[-1]
    written = fields(DEPLOY / "systemd/sealbook-notary.service")["ReadWritePaths"]
    assert written.lstrip("-") == target


@pytest.mark.parametrize(
    "timer", [each for each in UNITS if each.suffix == ".timer"], ids=lambda path: path.stem
)
def test_a_timer_has_its_service(timer: Path) -> None:
    assert timer.with_suffix(".service") in SERVICES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")
def test_systemd_finds_nothing_to_say_of_the_units(tmp_path: Path) -> None:
    for unit in [*UNITS, *CLUSTER]:
        text = re.sub(r"/opt/sealbook/bin/\w+", "/bin/true", unit.read_text())
        (tmp_path / unit.name).write_text(re.sub("^User=.*", "User=root", text, flags=re.M))
    command = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_proxy_and_container_name_the_services_port_and_commands() -> None:
    assert f"reverse_proxy 127.0.0.1:{PORT}" in (DEPLOY / "caddy/Caddyfile").read_text()
    container = (DEPLOY / "container/Containerfile").read_text()
    assert f"EXPOSE {PORT}" in container
    parsed(["notary", "serve"])


@pytest.mark.skipif(shutil.which("caddy") is None, reason="Caddy is not here")
@pytest.mark.parametrize("folder", ["caddy", "cluster"])
def test_a_proxy_understands_its_file(folder: str) -> None:
    command = [
        "caddy",
        "adapt",
        "--adapter",
        "caddyfile",
        "--config",
        f"{DEPLOY}/{folder}/Caddyfile",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_proxy_of_three_asks_who_is_ready_for_deposits_alone() -> None:
    text = (DEPLOY / "cluster/Caddyfile").read_text()
    found = re.search(r"@deposits \{\s+path (.*)\s+not method GET\s+\}", text)
    assert found is not None
    for router in (deposits.router, envelopes.router):
        for route in router.routes:
            assert isinstance(route, APIRoute)
            path = route.path.replace("{", "").replace("}", "")
            if route.methods != {"GET"}:
                assert any(fnmatch(path, each) for each in found[1].split()), path
    asked = re.findall(
        r"handle (@deposits )?{\s+reverse_proxy [^}]*} {\s+import notaries\s+health_uri (\S+)", text
    )
    assert asked == [("@deposits ", "/ready"), ("", "/live")]
    assert "lb_policy ip_hash\n" in text, "client_ip_hash is unknown to Debian's Caddy"
    assert {"/live", "/ready"} == {getattr(each, "path", None) for each in probes.router.routes}


def test_an_image_is_built_from_what_the_wheel_needs_and_of_extras_that_there_are() -> None:
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {*wheel["packages"], *wheel["force-include"], *wheel["shared-data"], "LICENSE"}
    lines = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    seen = {each[1:] for each in lines if each.startswith("!")}
    assert needed | {"pyproject.toml", "requirements.lock", "README.md", "make_shared.py"} <= seen
    container = (DEPLOY / "container/Containerfile").read_text()
    extras = re.findall(r"--extra (\w+)", container)
    assert set(extras) <= set(project["project"]["optional-dependencies"])
    assert "notary" in extras


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_an_image_is_healthy_while_its_service_answers(status: int, healthy: bool) -> None:
    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/live" else 404)
            self.end_headers()

    text = (DEPLOY / "container/Containerfile").read_text().replace("\\\n", "")
    found = re.search(r"^HEALTHCHECK .*CMD (.*)", text, re.M)
    assert found is not None
    program, *words = json.loads(found[1])
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = [each.replace(str(PORT), str(server.server_port)) for each in words]
        proxy = {"http_proxy": "http://127.0.0.1:9"}
        done = subprocess.run([sys.executable, *words], env=os.environ | proxy, check=False)
        server.shutdown()
    assert program == "python"
    assert (done.returncode == 0) == healthy


def test_containers_get_as_much_time_to_end_as_units() -> None:
    seconds = fields(DEPLOY / "systemd/sealbook-notary.service")["TimeoutStopSec"]
    assert f"--stop-timeout {seconds} " in (DEPLOY / "container/Containerfile").read_text()
    compose = (DEPLOY / "cluster/compose.yaml").read_text()
    notary = compose[compose.index("x-notary: &notary") : compose.index("x-notary-environment")]
    assert f"stop_grace_period: {seconds}s" in notary


def test_an_image_s_user_owns_the_folder_that_its_head_makes() -> None:
    text = (DEPLOY / "container/Containerfile").read_text()
    made = re.search(r"install -d -m 700 -o (\d+) -g (\d+) /srv/notary", text)
    assert made is not None
    assert f"useradd --uid {made[1]} --user-group " in text
    assert made[1] == made[2]


def variables(path: Path) -> dict[str, str]:
    """Return what a file of the environment sets."""
    return dict(re.findall(r"^(\w+)=(.*)$", path.read_text(), re.M))


def test_every_variable_of_ours_is_one_that_the_service_reads() -> None:
    known = {each.variable for each in OPTIONS} | {DIRECTORY_VARIABLE}
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            assert set(re.findall(r"SEALBOOK_NOTARY_\w+", path.read_text())) <= known, path


def test_the_cluster_s_environment_reaches_the_units_that_need_it() -> None:
    shared, own = (variables(DEPLOY / f"cluster/{each}.env") for each in ("cluster", "notary"))
    choose({}, own)
    assert {"SEALBOOK_NOTARY_HOST", "SEALBOOK_NOTARY_PROXY", "PGPASSWORD"} <= own.keys()
    assert own["SEALBOOK_NOTARY_HOST"] == shared["NODE"]
    for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        assert own[each] == shared[each]
    for unit in CLUSTER:
        assert "EnvironmentFile=/etc/sealbook/cluster.env" in unit.read_text()
        assert set(re.findall(r"\$\{(\w+)\}", unit.read_text())) <= shared.keys()
    for name in ("notary", "backup", "doctor"):
        unit = DEPLOY / f"systemd/sealbook-{name}.service"
        assert "EnvironmentFile=-/etc/sealbook/notary.env" in unit.read_text()


@pytest.mark.parametrize("unit", [*SERVICES, *CLUSTER], ids=lambda path: path.stem)
def test_the_handbook_names_the_users_and_places_of_the_units(unit: Path) -> None:
    handbook = (DEPLOY.parent / "docs/operate.md").read_text()
    text = unit.read_text()
    named = set(re.findall(r"(?<![\w}])/(?:etc|var)/[\w./-]+", text))
    for each in {*named, *re.findall("^User=(.*)", text, re.M)}:
        assert each.removesuffix("/ledger") in handbook or is_copied(each), each


def is_copied(path: str) -> bool:
    """Whether a place in /etc/sealbook is that of a file in deploy/cluster, all of which go there."""
    return path.startswith("/etc/sealbook/") and (DEPLOY / "cluster" / Path(path).name).exists()


def test_the_compose_file_founds_the_ledger_for_all_three() -> None:
    text = (DEPLOY / "cluster/compose.yaml").read_text()
    found = re.search(r"sealbook (notary init (?:.*\\\n)*.*)", text)
    assert found is not None
    words = parsed(shlex.split(found[1].replace("\\\n", " "))).params
    assert str(words["database"]).startswith("postgresql://sealbook@database1,database2,database3/")
    made = re.search(r"s3\.bucket\.create -name (\w+)", text)
    assert made is not None
    assert str(words["objects"]).startswith(f"s3://{made[1]}/")
    assert all(f"/var/lib/sealbook-notary/. /srv/notary{each}/" in text for each in (2, 3))


def test_the_handbook_makes_the_bucket_before_the_ledger() -> None:
    text = (DEPLOY.parent / "docs/operate.md").read_text()
    text = text[text.index("### Three of each") :]
    made = re.search(r"s3\.bucket\.create -name (\w+)", text)
    assert made is not None
    assert made.end() < text.index(f"--objects s3://{made[1]}/")
