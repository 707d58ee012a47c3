"""Names for the plain values that travel everywhere, so that a type checker can tell a height from an amount.

All are `int` or `bytes` at run time and cost nothing. Units: `Rao` is 10^-9 τ, `Alpha` is 10^-9 α.
"""

from typing import NewType

Hash = NewType("Hash", bytes)
"""32 bytes of blake2b."""

AccountId = NewType("AccountId", bytes)
"""32 bytes: an Ed25519 public key; coldkeys and hotkeys alike."""

Height = NewType("Height", int)
"""Number of a block; genesis is 0."""

Slot = NewType("Slot", int)
"""Number of a time window since genesis; at most one block may be produced in it."""

NetUid = NewType("NetUid", int)
"""Number of a subnet, u16; 0 is root."""

Uid = NewType("Uid", int)
"""Seat of a neuron in its subnet, u16."""

Rao = NewType("Rao", int)
"""An amount of τ in units of 10^-9 τ."""

Alpha = NewType("Alpha", int)
"""An amount of one subnet's α in units of 10^-9 α."""

SetId = NewType("SetId", int)
"""Number of an authority set, counted from genesis."""

HASH_BYTES = 32
ACCOUNT_BYTES = 32
SIGNATURE_BYTES = 64

RAO_PER_TAO = 1_000_000_000
MAX_SUPPLY_RAO = Rao(21_000_000 * RAO_PER_TAO)

ZERO_HASH = Hash(bytes(HASH_BYTES))
ROOT_NETUID = NetUid(0)
