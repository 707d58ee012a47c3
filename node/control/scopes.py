"""What a connection may ask for: all, or only what changes nothing. A connection narrows itself once, in its `hello`.

A scope is no right of a user: whoever reaches the socket may ask for all. It keeps a window that only watches from
changing anything by a slip of the hand. A method that is not named here as reading is refused to readers.
"""

from typing import Final, Literal

Scope = Literal["read", "operate"]

READING: Final = frozenset(
    {
        "hello", "status", "doctor", "peers", "authorities", "proposals", "peer_bans", "peer_ping", "peer_detail",
        "network", "subnets", "metagraph", "seat", "account", "history", "tx_context", "tx_preview", "tx_status",
        "quote_stake", "quote_unstake", "quote_exchange", "prices", "markets", "tasks", "task_detail", "earnings",
        "why", "logs", "log_file", "models", "role_plan", "job", "channels", "budget", "journals", "journal_entries",
        "journal_forks", "offers", "receipts", "receipt", "usage", "audit", "data", "subscribe",
    }
)  # fmt: skip
"""Methods that change neither the node nor the chain, spend nothing and write no file."""

OPERATING: Final = frozenset(
    {
        "peer_add", "peer_ban", "peer_unban", "peer_drop", "tx_submit", "model_pull", "model_verify", "invite", "join",
        "role_apply", "shutdown", "channels_redeem", "budget_set", "offers_set", "data_verify", "data_repair",
        "data_export", "data_drop", "ask", "route",
    }
)  # fmt: skip
"""The others. Asking the network is among them: it may cost money."""


def allows(scope: Scope, method: str, request: object) -> bool:
    """Tell whether a connection of `scope` may make a request; of paths of subnets, only those that are got."""
    got = method == "route" and getattr(request, "method", "") == "GET"
    return scope == "operate" or method in READING or got
