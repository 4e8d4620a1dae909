"""The command line. Nothing heavy is imported until a command needs it."""


def main() -> None:
    """Run `sealbook` with the process's arguments and exit."""
    from ledger.cli.root import cli

    cli(prog_name="sealbook")
