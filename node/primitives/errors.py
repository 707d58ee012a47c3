"""The one error tree of the node, and the check for things that cannot happen.

Expected failures are subclasses of `NodeError`: they carry a stable `code` for programs and a sentence that says what
to do for people. They are raised near the cause and handled at the boundary that can act. Impossible things go
through `invariant`, which stops the node rather than let it write a wrong state.

    NodeError
    ├── DecodeError            bytes that are not the canonical encoding of what was asked for
    ├── CryptoError            a key or a signature that does not hold
    ├── AddressError           a text that is no address
    ├── LedgerError            what a block or a transaction may not do        (leaves: node.ledger.errors)
    ├── ConsensusError         a header, vote or certificate that breaks a rule (leaves: node.consensus.errors)
    ├── MarketError            a task, call or answer that is refused           (leaves: node.market.errors)
    ├── WalletError            key files, words and passwords                   (leaves: node.wallet.errors)
    ├── ControlError           the control socket and its clients               (leaves: node.control.errors)
    └── ServiceError           starting, stopping and configuring a node        (leaves: node.service.errors)
"""

from typing import ClassVar


class NodeError(Exception):
    """Something expected went wrong; `code` is stable, `str(error)` is a sentence, `remedy` says what to do."""

    code: ClassVar[str] = "node_error"
    remedy: ClassVar[str] = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.remedy if remedy is None else remedy

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class DecodeError(NodeError):
    """Bytes from outside that are too long, malformed or not canonical."""

    code = "decode_error"


class CryptoError(NodeError):
    """A key or signature that is malformed or does not verify."""

    code = "crypto_error"


class AddressError(NodeError):
    """A text that is not an ss58 address of this network's format."""

    code = "address_error"
    remedy = "Copy the whole address again; it starts with a 5."


class LedgerError(NodeError):
    """A block or transaction that the rules of the ledger refuse."""

    code = "ledger_error"


class ConsensusError(NodeError):
    """A header, vote or certificate that breaks a rule of consensus."""

    code = "consensus_error"


class MarketError(NodeError):
    """A task, call or answer of the work market that is refused."""

    code = "market_error"


class WalletError(NodeError):
    """A key file, mnemonic or password that cannot be used."""

    code = "wallet_error"


class ControlError(NodeError):
    """A request to the daemon that failed on its way or in its form."""

    code = "control_error"


class ServiceError(NodeError):
    """The node cannot start, stop or be configured as asked."""

    code = "service_error"


class InvariantBroken(Exception):
    """The impossible happened: a defect of this program. Deliberately no `NodeError`, so that nobody handles it."""


def invariant(condition: bool, sentence: str) -> None:
    """Stop with `sentence` unless `condition` holds; unlike `assert` it also stands with `python -O`."""
    if not condition:
        raise InvariantBroken(sentence)
