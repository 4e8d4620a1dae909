"""`sealbook completion`: what a shell needs to complete commands, options and file names."""

import click
from click.shell_completion import get_completion_class

PLACES = {
    "bash": "bash-completion/completions/sealbook",
    "zsh": "zsh/site-functions/_sealbook",
    "fish": "fish/vendor_completions.d/sealbook.fish",
}
"""shell -> where it looks for the script, below a share/ folder."""
VARIABLE = "_SEALBOOK_COMPLETE"


def script(shell: str) -> str:
    """Return the script that a shell reads; it asks the program itself, by `VARIABLE`."""
    from ledger.cli.root import cli

    found = get_completion_class(shell)
    assert found is not None
    # Not source(): that of bash runs bash to learn its version.
    completion = found(cli, {}, "sealbook", VARIABLE)
    return completion.source_template % completion.source_vars()


@click.command(
    epilog="""\b
Examples:
  source <(sealbook completion bash)
  sealbook completion zsh > "${fpath[1]}/_sealbook"
  sealbook completion fish > ~/.config/fish/completions/sealbook.fish
"""
)
@click.argument("shell", type=click.Choice(tuple(PLACES)))
def completion(shell: str) -> None:
    """Print a script that completes commands and options, for bash, zsh or fish.

    An installed package brings these files along; this is for where a shell does not find them.
    """
    click.echo(script(shell), nl=False)
