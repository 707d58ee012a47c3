"""On whose authority a call runs: a signer's, or that of an approved proposal.

"Root" parameters and decisions need `Origin.ROOT`; no key has it. It exists only while the ledger executes the call of
a proposal that the Senate has approved. Source: docs/protocol.md, "Governance".
"""

import enum

from node.ledger.errors import BadOrigin


class Origin(enum.Enum):
    """Where a call comes from."""

    SIGNED = "signed"
    ROOT = "root"

    def require_root(self) -> None:
        """Raise BadOrigin unless an approved proposal executes the call."""
        if self is not Origin.ROOT:
            raise BadOrigin
