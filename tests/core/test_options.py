"""The options of a service: one name in three places, and nothing that is not read."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from ledger.cli.notary.serve import serve
from ledger.cli.root import cli
from ledger.errors import InvalidInput
from ledger.notary.options import NAMES, OPTIONS, choose, serving, unknown_variables
from ledger.notary.storage.directory import read_settings, write_settings
from tests.notaries import ORIGIN

HEAD = f'format = "sealbook-notary-v1"\norigin = "{ORIGIN}"\nissuer = "Office"\n'
ROOT = Path(__file__).parents[2]


def values(**table: object) -> dict[str, object]:
    return {each.option.name: each.value for each in choose(table, {})}


def test_the_command_line_stands_above_the_environment_and_that_above_the_file() -> None:
    table = {"port": 1, "host": "192.0.2.1", "log_level": "error"}
    environment = {"SEALBOOK_NOTARY_PORT": "2", "SEALBOOK_NOTARY_HOST": "192.0.2.2"}
    found = choose(table, environment, {"port": 3, "proxy": (), "host": None})
    named = {each.option.name: (each.value, each.source) for each in found}
    assert named["port"] == (3, "--port")
    assert named["host"] == ("192.0.2.2", "SEALBOOK_NOTARY_HOST")
    assert named["log_level"] == ("error", "notary.toml")
    assert named["peer_connections"] == (128, "default")
    assert serving(found).port == 3


def test_every_option_has_its_flag_its_row_in_the_handbook_and_a_default_that_it_takes() -> None:
    flags = {flag for parameter in serve.params for flag in parameter.opts}
    assert {each.flag for each in OPTIONS} == flags - {"--dir", "--lang"}
    shown = {p.opts[0]: getattr(p, "help", "") or "" for p in serve.params}
    handbook = (ROOT / "docs/operate.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \| `SEALBOOK_NOTARY_", handbook, re.M))
    assert rows == {
        each.name: "[]" if each.default == () else str(each.default) for each in OPTIONS
    }
    for each in OPTIONS:
        assert f"`{each.variable}`" in handbook
        assert each.default == () or f"Default: {each.default}." in shown[each.flag]
        each.kind.read(each.default)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65536), ("port", -1), ("port", "8400x"), ("port", True), ("port", 1.5), ("host", ""),
        ("host", "a\nb"), ("metrics", "8401"), ("metrics", "::1:8401"), ("metrics", "[::1]"),
        ("metrics", 8401), ("proxy", ["proxy.example"]), ("proxy", "10.0.0.1/8"), ("proxy", [1]),
        ("peer_connections", 0), ("workers", 65), ("log_level", "debug"),
        ("log_format", "xml"), ("log_level", ["info"]),
    ],
)  # fmt: skip
def test_a_value_that_an_option_does_not_take_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"notary.toml.*{name}.*what it should"):
        choose({name: value}, {})


@pytest.mark.parametrize("name", ["proxy", "webhook_network"])
@pytest.mark.parametrize(
    "network",
    [
        "0.0.0.0/0",
        "::/0",
        "128.0.0.0/1",
        "10.0.0.0/7",
        "2000::/3",
        "2000::/8",
        "::ffff:0:0/96",
        "::ffff:a00:0/103",
    ],
)
def test_a_network_in_which_anybody_could_be_is_refused(name: str, network: str) -> None:
    with pytest.raises(InvalidInput, match=f"{name}.*so wide that strangers"):
        choose({name: ["127.0.0.1", network]}, {})
    assert values(**{name: ["10.0.0.0/8", "fc00::/7", "::ffff:a00:0/104", "2001:db8::/32"]})[name]


@pytest.mark.parametrize(
    ("host", "metrics"),
    [
        ("127.0.0.1", "127.0.0.1:8400"), ("localhost", "127.0.0.1:8400"), ("::", "127.0.0.1:8400"),
        ("0.0.0.0", "127.0.0.1:8400"), ("192.0.2.1", "0.0.0.0:8400"), ("::1", "[::]:8400"),
    ],
)  # fmt: skip
def test_measures_where_the_service_itself_listens_are_refused(host: str, metrics: str) -> None:
    with pytest.raises(InvalidInput, match=r"“metrics” names port 8400.*Choose another port"):
        choose({"host": host, "metrics": metrics}, {})


@pytest.mark.parametrize(
    ("host", "port", "metrics"),
    [
        ("127.0.0.1", 8400, "127.0.0.1:8401"), ("192.0.2.1", 8400, "127.0.0.1:8400"),
        ("0.0.0.0", 8400, "[::1]:8400"), ("127.0.0.1", 0, "127.0.0.1:0"),
    ],
)  # fmt: skip
def test_measures_elsewhere_are_taken(host: str, port: int, metrics: str) -> None:
    assert values(host=host, port=port, metrics=metrics)["metrics"]


def test_a_wrong_value_is_refused_also_where_another_one_stands_above_it() -> None:
    with pytest.raises(InvalidInput, match=r"notary.toml.*port"):
        choose({"port": "x"}, {}, {"port": 3})
    with pytest.raises(InvalidInput, match=r"SEALBOOK_NOTARY_PORT.*port"):
        choose({}, {"SEALBOOK_NOTARY_PORT": "x"}, {"port": 3})


def test_addresses_and_lists_are_read_from_file_and_environment() -> None:
    assert values(metrics="[::1]:8401")["metrics"] == ("::1", 8401)
    assert values(metrics="off")["metrics"] is None
    listed = values(proxy=["127.0.0.1", "10.1.0.0/16"])["proxy"]
    (said,) = (
        each.value
        for each in choose({}, {"SEALBOOK_NOTARY_PROXY": "127.0.0.1, 10.1.0.0/16"})
        if each.option.name == "proxy"
    )
    assert list(map(str, listed)) == ["127.0.0.1/32", "10.1.0.0/16"]  # type: ignore[call-overload]
    assert said == listed


@pytest.mark.parametrize(
    ("text", "unknown", "nearest"),
    [
        ("[serve]\nprot = 1\n", "prot", "port"),
        ('[serve]\nlog-level = "info"\n', "log-level", "log_level"),
        ('portla = "https://n.example"\n', "portla", "portal"),
        ("[server]\nport = 1\n", "server", "serve"),
    ],
)
def test_what_nothing_reads_is_refused_with_the_nearest_known_name(
    tmp_path: Path, text: str, unknown: str, nearest: str
) -> None:
    (tmp_path / "notary.toml").write_text(HEAD + text)
    with pytest.raises(InvalidInput, match=f"“{unknown}”.*“{nearest}”"):
        choose(read_settings(tmp_path).serve, {})


@pytest.mark.parametrize(
    ("text", "where"),
    [("[serve]\nprot = 1\n", "in “[serve]”"), ('portla = "https://n.example"\n', "at its top")],
)
def test_it_is_said_where_in_the_file_it_stands(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "notary.toml").write_text(HEAD + text)
    with pytest.raises(InvalidInput) as error:
        choose(read_settings(tmp_path).serve, {})
    assert where in str(error.value) and str(error.value).count("notary.toml") == 1


def test_a_line_about_the_ledger_below_a_bracket_is_told_where_it_belongs(tmp_path: Path) -> None:
    (tmp_path / "notary.toml").write_text(
        HEAD + '[serve]\nport = 1\nportal = "https://n.example"\n'
    )
    with pytest.raises(InvalidInput, match=r"“portal”.*top of the file"):
        choose(read_settings(tmp_path).serve, {})


def test_settings_that_are_written_anew_keep_how_the_notary_is_served(tmp_path: Path) -> None:
    (tmp_path / "notary.toml").write_text(HEAD + "[serve]\nport = 8500\n")
    settings = read_settings(tmp_path)
    write_settings(tmp_path, settings)
    assert read_settings(tmp_path) == settings
    assert settings.serve == {"port": 8500}


def test_who_serves_is_told_of_variables_that_nothing_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notary.toml").write_text(HEAD)
    monkeypatch.setattr("api.server.serve", lambda *_: None)
    monkeypatch.setenv("SEALBOOK_NOTARY_PROT", "1")
    told = CliRunner().invoke(cli, ["notary", "serve", "--dir", str(tmp_path)])
    assert told.exit_code == 0 and "SEALBOOK_NOTARY_PROT" in told.output


def test_variables_that_nothing_reads_are_told() -> None:
    environment = {
        "SEALBOOK_NOTARY_PROT": "1",
        "SEALBOOK_NOTARY_DIR": "/",
        "SEALBOOK_NOTARY_PORT": "1",
    }
    assert unknown_variables(environment, ["SEALBOOK_NOTARY_DIR"]) == ["SEALBOOK_NOTARY_PROT"]
    assert len(NAMES) == len(set(NAMES))
