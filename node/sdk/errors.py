"""What a program of a user can do wrong, told before anything is sent.

SdkError
├── UnitMismatch      amounts of two kinds in one sum or comparison
├── UnknownNetwork    a network's name that leads to no node
├── PolicyRefused     a transaction that the program's own spending limits forbid
├── UnknownRead       a read or an argument of one that the node does not have
└── TransactionFailed what `Result.check` raises; carries the chain's reason
"""

from node.control.schema import ErrorView
from node.primitives.errors import NodeError


class SdkError(NodeError):
    """A call of the SDK that cannot be carried out as given."""

    code = "sdk_error"


class UnitMismatch(SdkError):
    """Amounts of two kinds were mixed: τ and α, or α of two subnets."""

    code = "unit_mismatch"
    remedy = "Ask for a quote to turn one into the other; there is no fixed rate."


class UnknownNetwork(SdkError):
    """A network's name that leads to no node of this machine."""

    code = "unknown_network"
    remedy = "Leave it out, write `local` for the local network, or name the home of a running node."


class PolicyRefused(SdkError):
    """A transaction that the limits of the program forbid; nothing was signed."""

    code = "policy_refused"
    remedy = "Raise the limit in the Policy if the transaction is meant."


class UnknownRead(SdkError):
    """A read of the node, or an argument of one, that does not exist."""

    code = "unknown_read"
    remedy = "`neurond tools` lists all reads with their arguments."


class TransactionFailed(SdkError):
    """A transaction that was refused or that failed in its block; `view` is the reason."""

    code = "transaction_failed"
    remedy = "`neurond explain` and the code of the reason say more."

    def __init__(self, view: ErrorView) -> None:
        super().__init__(view.message, remedy=view.hint)
        self.view = view
