"""Bounds of the consensus machines, each with its reason.

Those that the wire and other packages share are in `node.primitives.limits`.
"""

from typing import Final

from node.primitives.limits import CERTIFICATE_BYTES_MAX

# --- time -----------------------------------------------------------------------------------------------------------
EARLY_SLOT_DIVISOR: Final = 4  # a block may come a quarter of a slot early: the clock skew that the network tolerates
RIPE_SLOT_DIVISOR: Final = 4  # a block is proposed a quarter of a slot after its slot began: it has reached everybody
RESEND_SLOT_DIVISOR: Final = 2  # first repetition of own messages after half a slot; a healthy instance needs less
RESEND_SLOTS_MAX: Final = 4  # repetitions slow down to one in four slots, so that a healed network hears within four
HELP_SLOT_DIVISOR: Final = 2  # votes for a decision younger than half a slot are late, not lost

PROPOSE_TIMEOUT_PERMILLE: Final = 300  # of a slot: 300 ms with slots of 1 s
VOTE_TIMEOUT_PERMILLE: Final = 150
ROUND_DELTA_PERMILLE: Final = 50
PROPOSE_TIMEOUT_MS_MAX: Final = 3_000  # the public network's figure, whatever its slots
VOTE_TIMEOUT_MS_MAX: Final = 1_000
ROUND_DELTA_MS_MAX: Final = 500
ROUND_TIMEOUT_GROWTH_MAX: Final = 60  # timeouts stop growing after 60 rounds: 33 s more on the public network

# --- votes ----------------------------------------------------------------------------------------------------------
ROUNDS_KEPT_BEHIND: Final = 4  # late precommits of these rounds can still decide
ROUNDS_KEPT_AHEAD: Final = 4  # votes further ahead only move their voter's position; repetition brings them back
NEXT_INSTANCE_MESSAGES_MAX: Final = 4  # of each authority: proposal, prevote, precommit and one more
ROUND_MAX: Final = 1 << 32  # no honest network gets here; keeps sums in 64 bits
INSTANCE_MAX: Final = 1 << 48
HEIGHT_MAX: Final = 1 << 48

MESSAGE_BYTES_MAX: Final = CERTIFICATE_BYTES_MAX + 1024  # a proposal with its proof is the largest
EVIDENCE_BYTES_MAX: Final = 2 * MESSAGE_BYTES_MAX + 1024  # two of anything

# --- blocks ---------------------------------------------------------------------------------------------------------
TREE_BLOCKS_MAX: Final = 1024  # four branches of 256 unfinalised blocks; the worst tip goes first
ORPHANS_MAX: Final = 512  # one branch of unfinalised blocks that arrives newest first
HELD_BLOCKS_MAX: Final = 64  # early blocks: one honest producer a slot, the rest is equivocation
SIBLINGS_MAX: Final = 2  # headers of one producer for one slot: two prove the offence, more come only on request
SEALS_REMEMBERED_MAX: Final = 2048  # (producer, slot) pairs in which a second header would be noticed
BAD_BLOCKS_MAX: Final = 1024  # digests of refused blocks, so that each is executed once
WANTED_MAX: Final = 64  # blocks asked for at one time
WANTED_TRIES_MAX: Final = 6  # then it is forgotten until somebody names it again
BACK_OFF_STEP_BLOCKS: Final = 8  # beyond the cap the gap between blocks doubles every eight blocks
BACK_OFF_DOUBLINGS_MAX: Final = 20  # a million slots: eleven days of 1 s slots
CERTIFIED_BLOCKS_MAX: Final = 2048  # one certificate may finalise a whole stalled suffix

# --- points of misbehaviour (100 ban a peer for a time) -------------------------------------------------------------
POINTS_BAD_SIGNATURE: Final = 50  # cannot happen to an honest peer
POINTS_BAD_BLOCK: Final = 50
POINTS_FUTURE_BLOCK: Final = 5  # a wrong clock is no crime, but costs work
POINTS_BAD_BATCH: Final = 50
