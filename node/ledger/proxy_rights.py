"""What each kind of proxy may do. Every call belongs to one subject; a kind covers subjects.

A call that is in no subject is covered by ANY alone. Source: docs/protocol.md, "Proxies".
"""

from enum import Enum, auto
from typing import Final

from node.ledger.calls import PlainCall, ProxyKind, Transfer, spec_of
from node.primitives.codec import encode
from node.primitives.crypto import digest
from node.primitives.types import RAO_PER_TAO, Hash

SMALL_TRANSFER_RAO: Final = RAO_PER_TAO // 2
"""A SMALL_TRANSFER proxy moves less than this in one call."""


class Subject(Enum):
    """What a call is about, as far as rights go."""

    TRANSFER = auto()
    """τ or stake goes to somebody else."""
    STAKE = auto()
    """Stake moves, and stays the coldkey's."""
    LOCK = auto()
    """Value is burned, or locked for long."""
    SEAT = auto()
    """A hotkey gets a seat, at a price."""
    NEURON = auto()
    """What a neuron publishes and how it votes."""
    SUBNET = auto()
    """An owner runs its subnet."""
    DELEGATION = auto()
    """Takes, identities and destinations."""
    CHILDREN = auto()
    """Stake is lent to other hotkeys."""
    SWAP_HOTKEY = auto()
    SWAP_COLDKEY = auto()
    GOVERNANCE = auto()


_CALLS: Final[dict[Subject, str]] = {
    Subject.TRANSFER: ("transfer transfer_stake open_channel top_up_channel redeem_voucher close_channel"),
    Subject.STAKE: (
        "add_stake add_stake_limit remove_stake remove_stake_limit remove_stake_full_limit unstake_all "
        "unstake_all_alpha move_stake swap_stake swap_stake_limit"
    ),
    Subject.LOCK: (
        "recycle_alpha burn_alpha add_stake_burn register_network register_network_with_identity bond_authority "
        "unbond_authority withdraw_unbonded"
    ),
    Subject.SEAT: "burned_register register_limit root_register",
    Subject.NEURON: (
        "set_weights commit_weights reveal_weights batch_set_weights batch_commit_weights batch_reveal_weights "
        "serve_axon set_commitment set_commitment_reset_bonds commit_receipt_root commit_index_root report_evidence "
        "shadow_vote vote_abort_pos"
    ),
    Subject.SUBNET: (
        "start_call set_subnet_identity set_subnet_owner_hotkey trim_to_max_allowed_uids set_hyperparameter "
        "set_alpha_values"
    ),
    Subject.DELEGATION: "increase_take decrease_take set_identity set_coldkey_auto_stake_hotkey try_associate_hotkey",
    Subject.CHILDREN: "set_children set_childkey_take set_auto_parent_delegation_enabled",
    Subject.SWAP_HOTKEY: "swap_hotkey swap_hotkey_on_subnet",
    Subject.SWAP_COLDKEY: (
        "announce_coldkey_swap swap_coldkey_announced dispute_coldkey_swap clear_coldkey_swap_announcement"
    ),
    Subject.GOVERNANCE: "adjust_senate propose vote close",
}

_EVERY: Final = frozenset(Subject)
_RIGHTS: Final[dict[ProxyKind, frozenset[Subject]]] = {
    ProxyKind.ANY: _EVERY,
    ProxyKind.OWNER: frozenset({Subject.SUBNET}),
    ProxyKind.NON_CRITICAL: _EVERY - {Subject.SWAP_COLDKEY, Subject.SEAT, Subject.LOCK, Subject.GOVERNANCE},
    ProxyKind.NON_TRANSFER: _EVERY - {Subject.TRANSFER, Subject.SWAP_COLDKEY},
    ProxyKind.NON_FUNGIBLE: (
        frozenset({Subject.NEURON, Subject.SUBNET, Subject.DELEGATION, Subject.CHILDREN, Subject.GOVERNANCE})
    ),
    ProxyKind.GOVERNANCE: frozenset({Subject.GOVERNANCE}),
    ProxyKind.STAKING: frozenset({Subject.STAKE}),
    ProxyKind.REGISTRATION: frozenset({Subject.SEAT}),
    ProxyKind.TRANSFER: frozenset({Subject.TRANSFER}),
    ProxyKind.SMALL_TRANSFER: frozenset(),
    ProxyKind.CHILD_KEYS: frozenset({Subject.CHILDREN}),
    ProxyKind.SWAP_HOTKEY: frozenset({Subject.SWAP_HOTKEY}),
}  # fmt: skip

SUBJECTS: Final = {name: subject for subject, names in _CALLS.items() for name in names.split()}
"""The subject of each call, by its name in the table of calls."""


def allows(kind: ProxyKind, call: PlainCall) -> bool:
    """Whether a proxy of this kind may make this call."""
    if kind is ProxyKind.ANY:
        return True
    if kind is ProxyKind.SMALL_TRANSFER:
        return isinstance(call, Transfer) and call.amount_rao < SMALL_TRANSFER_RAO
    return SUBJECTS.get(spec_of(call).name) in _RIGHTS[kind]


def call_hash(call: PlainCall) -> Hash:
    """The hash by which a delayed proxy announces a call."""
    return digest("proxy-call", encode(call))
