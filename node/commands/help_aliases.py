"""`neurond help-aliases`: the names of other tools that are understood, and what they are called here."""

import click

from node.commands.aliases import ARGUMENTS, COMMANDS, FLAGS, VARIABLES
from node.commands.common import Env, home_command, table
from node.control.schema import View


class Alias(View, frozen=True):
    """One name that is understood, and ours."""

    theirs: str
    ours: str
    kind: str


@click.command("help-aliases")
@home_command
def help_aliases(env: Env) -> None:
    """List the commands, flags and variables of Bittensor's tools that are understood, and what they become.

    \b
    Example:
      neurond help-aliases
    """
    found = aliases()
    rows = [(each.theirs, each.ours, each.kind) for each in found]
    env.emit(found, lambda: table(("written", "read as", "what it is"), rows, empty="There are none."))


def aliases() -> tuple[Alias, ...]:
    """Return every alias, commands first."""
    commands = [Alias(" ".join(theirs), " ".join(ours), "command") for theirs, ours in COMMANDS.items()]
    flags = [Alias(theirs, ours, "flag") for theirs, ours in FLAGS.items() if theirs != ours]
    network = Alias("--network", "--home", "flag: local, or a node's home")
    arguments = [
        Alias(theirs, " or ".join(each.upper() for each in names), "flag for an argument")
        for theirs, names in ARGUMENTS.items()
    ]
    variables = [Alias(f"${theirs}", ours, "variable") for theirs, ours in VARIABLES.items()]
    return (*commands, *flags, network, *arguments, *variables)
