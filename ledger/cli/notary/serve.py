"""`sealbook notary serve | config`: the service, and where each of its options comes from."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ledger.cli import shell
from ledger.cli.notary.group import DIRECTORY_VARIABLE, directory_option
from ledger.cli.root import Lasting
from ledger.cli.speech import _, told
from ledger.errors import InvalidInput, LedgerFault, Refused, StoreDamaged
from ledger.notary import options
from ledger.notary.options import FORMATS, LEVELS, Chosen, choose, serving, unknown_variables
from ledger.quoted import Words, quoted


@click.command(
    epilog="""\b
Examples:
  sealbook notary serve --port 8400 --proxy 127.0.0.1
  sealbook notary serve --metrics 127.0.0.1:8401 --log-format text
"""
)
@click.option("--host", help="The address to listen at. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 8400.")
@click.option("--metrics", metavar="HOST:PORT", help="Serve /metrics for Prometheus. Default: off.")
@click.option(
    "--proxy",
    multiple=True,
    metavar="ADDRESS",
    help="Address or network of a reverse proxy whose X-Forwarded-For is believed; may be repeated.",
)
@click.option(
    "--peer-connections",
    type=click.IntRange(1),
    help="Connections that one peer address may hold. Default: 128.",
)
@click.option(
    "--peer-slow-bodies",
    type=click.IntRange(1),
    help="Of these, with a body that takes its time. Default: 32.",
)
@click.option(
    "--rate-entering",
    metavar="NUMBER",
    help="Uploads and statements of one peer a minute, or off. Default: 60000.",
)
@click.option(
    "--rate-checking",
    metavar="NUMBER",
    help="Files that one peer has checked a minute, or off. Default: 120.",
)
@click.option(
    "--rate-enrolling",
    metavar="NUMBER",
    help="Keys that one peer asks to enrol a minute, or off. Default: 30.",
)
@click.option(
    "--rate-signing-in",
    metavar="NUMBER",
    help="Attempts of one peer to sign in a minute, or off. Default: 30.",
)
@click.option(
    "--webhook-network",
    multiple=True,
    metavar="ADDRESS",
    help="A network of one's own where webhooks may lie too; may be repeated.",
)
@click.option(
    "--telemetry",
    metavar="URL",
    help="Send a span for each request to a collector's traces (OTLP). Default: off.",
)
@click.option(
    "--workers",
    type=click.IntRange(0, options.MAX_WORKERS),
    help="Processes that check statements, once many come at a time. Default: 1.",
)
@click.option(
    "--log-level", type=click.Choice(LEVELS), help="The least that is told. Default: info."
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    help="An object a line, or text for people. Default: json.",
)
@directory_option
def serve(directory: Path, **given: Any) -> None:
    """Serve until stopped. Loopback only, unless --host says otherwise.

    What is not said here is taken from the environment, then from [serve] of notary.toml; `sealbook
    notary config` shows it. Of several processes each counts for itself what a peer does.
    """
    from importlib import import_module
    from importlib.util import find_spec

    from ledger.notary.storage.directory import InUse

    # A wheel carries the service below the one name that it installs.
    package = "ledger.api" if find_spec("ledger.api") else "api"
    settings = import_module(f"{package}.settings")
    server = import_module(f"{package}.server")
    try:
        served = serving(chosen(directory, given))
        for each in unknown_variables(os.environ, [DIRECTORY_VARIABLE]):
            click.echo(told(f"Nothing reads the variable {quoted(each)}."), err=True)
        taken = settings.Settings(
            connections=served.peer_connections,
            slow_bodies=served.peer_slow_bodies,
            proxies=served.proxy,
            rates=served.rates,
            webhook_networks=served.webhook_network,
            telemetry=served.telemetry,
            metrics=served.metrics,
            workers=served.workers,
            log_level=served.log_level,
            log_format=served.log_format,
        )
        server.serve(directory, served.host, served.port, taken)
    except (InUse, server.CannotListen):  # may be over when it is started again
        raise
    except (InvalidInput, Refused, LedgerFault, StoreDamaged) as error:
        raise Lasting from error


@click.command(
    epilog="""\b
Example:
  sealbook notary config
"""
)
@directory_option
@shell.json_option
def config(directory: Path, as_json: bool) -> None:
    """Show the service's options, and where each comes from."""
    from ledger.cli.table import Value, labelled

    found = chosen(directory)
    strange = unknown_variables(os.environ, [DIRECTORY_VARIABLE])
    value = {
        "options": {
            each.option.name: {"value": each.written, "from": each.source} for each in found
        },
        "unknown": strange,
    }
    rows: list[tuple[str, Value]] = [
        (
            each.option.name,
            [quoted(_written(each.written)), _source(each.source), _(each.option.meaning)],
        )
        for each in found
    ]
    lines = list(labelled(rows))
    if strange:
        lines.append(_("Nothing reads these variables:"))
        lines += [f"  {quoted(each)}" for each in strange]
    shell.emit(as_json, value, "\n".join(lines))


def chosen(directory: Path, given: Mapping[str, object] | None = None) -> tuple[Chosen, ...]:
    """Return the service's options. Raises NotFound, InvalidInput."""
    from ledger.notary.storage.directory import read_settings

    return choose(read_settings(directory).serve, os.environ, given)


def _written(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _source(source: str) -> str:
    match source:
        case options.DEFAULT:
            return _("the default")
        case options.FILE:
            return _("from notary.toml")
    return _("from the environment: {variable}", variable=Words(source))
