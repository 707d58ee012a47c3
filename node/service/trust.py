"""Weak subjectivity of a full node: from which block on it followed the chain itself, and how old that block was.

Whoever held keys of an old set may have withdrawn his bond and can sign another history at no cost. So a node that
takes the chain up at a block older than the weak-subjectivity period says so, once stake decides, until its chain has
been found to contain a checkpoint of its user that is not that old. Must never refuse anything: the checkpoint does.
"""

from collections.abc import Callable
from typing import Final

from node.consensus.authority import AuthoritySet
from node.consensus.events import Finalised
from node.consensus.slots import SlotClock
from node.control.options import NOWHERE, DaemonConfig
from node.ledger.genesis import GenesisSpec
from node.ledger.header import Header, decode_header, header_hash
from node.ledger.phases import PosPhase
from node.ledger.transition import Executed
from node.light import age
from node.light.chain import Checkpoint
from node.light.limits import STEP_BYTES_MAX
from node.light.steps import decode_step
from node.primitives.types import Hash
from node.service.anchor import begin_with_genesis, trusted_tip
from node.service.chain import authority_set_of
from node.service.light_home import parse_checkpoint
from node.service.logbook import logger
from node.service.stranded import Trouble
from storage.chain import ChainStore

_DAY_MS: Final = 24 * 3600 * 1000
_FIX: Final = (
    "Ask somebody you trust for what `neurond light checkpoint` prints, and start with --checkpoint "
    "HEIGHT:BLOCKHASH:SETHASH; a node that contradicts it says so."
)

log = logger("trust")


class Trust:
    """How far this node's own following reaches back; for one thread."""

    def __init__(
        self, start: Header, clock: SlotClock, now_ms: Callable[[], int], checkpoint: Checkpoint | None = None
    ) -> None:
        """`start` is the last final block of the store before anything is fetched."""
        self._checkpoint = checkpoint
        self._clock = clock
        self._now_ms = now_ms
        self._newest = start
        self._lapsed: tuple[str, int] | None = None
        self._said = False
        self._look(start, f"took the chain up at block {start.height:,}")

    def finalised(self, final: Finalised[Executed]) -> None:
        """Blocks became final, the checkpoint's perhaps among them, which no other can have taken the place of."""
        for block in final.blocks:
            if self._checkpoint is not None and block.header.height == self._checkpoint.height:
                self.confirm(block.header)
        self.follow(final.blocks[-1].header, authority_set_of(final.states[-1]))

    def follow(self, final: Header, authorities: AuthoritySet) -> None:
        """A block became final; what was trusted up to now has to be young enough to vouch for it."""
        if self._lapsed is None:
            self._look(self._newest, f"saw nothing final after block {self._newest.height:,} for long")
        self._newest = final
        trouble = self.trouble(authorities)
        if trouble is not None and not self._said:
            log.warning("%s. %s", trouble.text, trouble.fix)
        self._said = trouble is not None

    def confirm(self, header: Header) -> None:
        """The chain contains the checkpoint, whose header this is; an old one adds nothing."""
        if not age.is_too_old(header, self._clock, self._now_ms()):
            self._lapsed = None
            self._newest = max(self._newest, header, key=lambda each: each.height)

    def trouble(self, authorities: AuthoritySet) -> Trouble | None:
        """Return what is to be said about a chain on which this set decides now; None while it can be trusted."""
        if self._lapsed is None or authorities.phase is PosPhase.AUTHORITIES:
            return None
        how, days = self._lapsed
        return Trouble(f"this node {how}, {days} days old: keys of that time may have signed another history", _FIX)

    def _look(self, header: Header, how: str) -> None:
        now_ms = self._now_ms()
        if age.is_too_old(header, self._clock, now_ms):
            self._lapsed = how, age.age_ms(header, self._clock, now_ms) // _DAY_MS


def begin_trust(
    store: ChainStore, spec: GenesisSpec, checkpoint: Checkpoint | None, now_ms: Callable[[], int]
) -> Trust:
    """Return where the trust of a node begins, with a store that may be empty and before anything is fetched.

    Raises:
        BadCheckpoint: the store has another final block at the checkpoint.
        BadGenesis, StateMismatch, StorageError: as opening the chain does.
    """
    begin_with_genesis(store, spec)
    start = trusted_tip(store)
    trust = Trust(start.header, SlotClock(spec.start_ms, spec.slot_ms), now_ms, checkpoint)
    header = None if checkpoint is None else check_stored(store, checkpoint)
    if header is not None:
        trust.confirm(header)
    trust.follow(start.header, start.authorities)
    return trust


def checkpoint_of(config: DaemonConfig) -> Checkpoint | None:
    """Return the checkpoint that a node is told to hold its chain to. Raises BadCheckpoint."""
    text = config.checkpoint
    return None if text is None or text == NOWHERE else parse_checkpoint(text, needs_set=False)


def check_stored(store: ChainStore, checkpoint: Checkpoint) -> Header | None:
    """Return the header of the checkpoint if the store has it as a final block; None where it has none there.

    Raises:
        BadCheckpoint: what the store has there is another block.
        StorageError.
    """
    stored = store.hash_at(checkpoint.height)
    if stored is not None:
        checkpoint.check_block(checkpoint.height, Hash(stored))
        row = store.header(stored)
        return None if row is None else decode_header(row.header)
    for kept in store.steps_above(checkpoint.height - 1, 1):
        step = decode_step(kept.step, max_bytes=STEP_BYTES_MAX)
        if step.header.height == checkpoint.height:
            checkpoint.check_block(checkpoint.height, header_hash(step.header))
            return step.header
    tip = store.tip()
    if tip is not None and tip.height > checkpoint.height:
        log.warning("block %d is not stored: the checkpoint cannot be compared with this chain", checkpoint.height)
    return None
