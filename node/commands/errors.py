"""What can go wrong in a command before a node is even asked.

CommandError
├── Declined           the person, or the absence of one, said no
├── PasswordNeeded     a wallet is locked and nobody can be asked for its password
├── NothingThere       something named on the command line that does not exist
├── AlreadyThere       a file to be written that exists already
└── IncentiveFails     a subnet's rules that pay for dishonest work, or whose program fails
"""

from node.primitives.errors import NodeError


class CommandError(NodeError):
    """A command that cannot be carried out as given."""

    code = "command_error"


class Declined(CommandError):
    """Nobody agreed to it."""

    code = "declined"
    remedy = "Run it again and agree, or add --yes."


class PasswordNeeded(CommandError):
    """A wallet is locked and there is no terminal to ask for its password."""

    code = "password_needed"
    remedy = "Set NEUROND_PASSWORD, or run the command in a terminal."


class NothingThere(CommandError):
    """Something named on the command line does not exist."""

    code = "nothing_there"
    remedy = "Check the name; a `list` command shows what there is."


class AlreadyThere(CommandError):
    """A file that was to be written exists already."""

    code = "already_there"
    remedy = "Name another file, or move that one aside first; nothing is ever written over."


class IncentiveFails(CommandError):
    """A trial of a subnet's rules did not end as it should."""

    code = "incentive_fails"
    remedy = "The table shows which miner was paid for what; docs/subnet-tutorial.md says what helps against it."
