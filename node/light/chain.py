"""The chain of a light client: the last block it trusts, the set that decides on what follows, and the newest tip.

Sequential: every set is proven under a header that the set before it certified; nothing is skipped by overlap. Knows no
clock and no peer. What it accepted is never taken back; a valid certificate that contradicts it is `BrokenFinality`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from node.consensus.authority import AuthoritySet
from node.consensus.certificate import Certificate, check_certificate
from node.consensus.errors import BadAuthoritySet
from node.consensus.votes import BlockRef
from node.ledger.header import Header, check_header_shape, header_hash
from node.ledger.merkle import verify_proof
from node.light.errors import BadCheckpoint, BadLightState, BadProof, BadStep, BrokenFinality
from node.light.limits import LIGHT_STATE_BYTES_MAX
from node.light.steps import LightStep, ProvenSet, decode_set, encode_set, set_path
from node.primitives.codec import Wire, decode_canonical, encode
from node.primitives.crypto import Verifier
from node.primitives.errors import DecodeError, NodeError
from node.primitives.types import HASH_BYTES, Hash, Height

STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A block that somebody vouches for, and the hash of the set that decides on its children, if that is told too."""

    height: Height
    block_hash: Hash
    set_hash: Hash | None

    def check_block(self, height: Height, block_hash: Hash) -> None:
        """Refuse another block at this height (BadCheckpoint)."""
        if height == self.height and block_hash != self.block_hash:
            raise BadCheckpoint(
                f"Block {block_hash.hex()} at height {height} contradicts the checkpoint, which names "
                f"{self.block_hash.hex()}."
            )

    def check_set(self, height: Height, authorities: AuthoritySet) -> None:
        """Refuse another set after the block at this height (BadCheckpoint)."""
        if height == self.height and self.set_hash is not None and authorities.hash != self.set_hash:
            raise BadCheckpoint(
                f"The authority set {authorities.hash.hex()} after block {height} contradicts the checkpoint, which "
                f"names {self.set_hash.hex()}."
            )

    def check_way(self, headers: Sequence[Header], end: BlockRef) -> Header:
        """Return the checkpoint's header, the first of `headers`, which link it to the block `end` above it.

        Raises:
            BadStep: they do not link up to `end`, which says nothing of the checkpoint.
            BadCheckpoint: they do, and the first is another block than the checkpoint's.
        """
        at = end
        for header in reversed(headers):
            if BlockRef(header_hash(header), header.height) != at:
                raise BadStep(f"Headers that do not lead from block {self.height} to block {end.height}.")
            at = BlockRef(header.parent, Height(header.height - 1))
        if at.height != self.height - 1:
            raise BadStep(f"Headers that do not lead from block {self.height} to block {end.height}.")
        self.check_block(self.height, header_hash(headers[0]))
        return headers[0]


@dataclass(frozen=True, slots=True)
class Trusted:
    """A final block; `authorities` decide on what follows it, `instance` is the last one they are known to be past."""

    header: Header
    hash: Hash
    instance: int
    authorities: AuthoritySet


@dataclass(frozen=True, slots=True)
class Tip:
    """The newest certified block seen; the set after it may be another one, so nothing is built on it."""

    header: Header
    hash: Hash
    instance: int


class LightState(Wire, frozen=True):
    """What a light client keeps between two runs."""

    version: int
    genesis_hash: Hash
    header: Header
    instance: int
    authorities: bytes


class LightChain:
    """Starts at a trusted block; `advance` follows epochs, `accept_tip` takes a certified header inside the last."""

    def __init__(self, genesis_hash: Hash, trusted: Trusted, verify: Verifier) -> None:
        self.genesis_hash = genesis_hash
        self.trusted = trusted
        self.tip = Tip(trusted.header, trusted.hash, trusted.instance)
        self._verify = verify

    def advance(self, step: LightStep) -> Trusted:
        """Take one step forward and return the trusted block, a new one in general.

        A header that lists a set announces or enacts it, which it does not tell. Without the proof of an enacted set it
        is a tip and nothing more: to build on it, whoever left the proof out could bar the way for ever.

        Raises:
            WrongSet, BadCertificate: the certificate is not one of the set that decides.
            BadStep: it is not newer, or hides or misstates the change of the set. BadProof: the new set is not proven.
            BrokenFinality: it holds and contradicts what was accepted.
        A refused step changes nothing.
        """
        trusted, header, certificate = self.trusted, step.header, step.certificate
        block_hash = self._certified(header, certificate)
        if certificate.instance <= trusted.instance or header.height <= trusted.header.height:
            raise BadStep(f"A light step to height {header.height} is no news; {trusted.header.height} is trusted.")
        if header.slot <= trusted.header.slot or header.set_id < trusted.authorities.set_id:
            raise BadStep("The slot or the set of a light step lies before those of the last trusted block.")
        authorities = _next_set(trusted, header, step.next_set)
        if step.next_set or not header.next_set:
            self.trusted = Trusted(header, block_hash, certificate.instance, authorities)
        if certificate.instance >= self.tip.instance:
            self.tip = Tip(header, block_hash, certificate.instance)
        return self.trusted

    def accept_tip(self, header: Header, certificate: Certificate) -> bool:
        """Check a certified header of the present set; tell whether it is the newest one now. Raises as `advance`."""
        block_hash = self._certified(header, certificate)
        if certificate.instance <= self.tip.instance or header.height <= self.tip.header.height:
            return False
        self.tip = Tip(header, block_hash, certificate.instance)
        return True

    def is_known(self, header: Header) -> bool:
        """Tell whether this very block is the trusted one or the tip, which need no second check."""
        return header_hash(header) in (self.trusted.hash, self.tip.hash)

    def _certified(self, header: Header, certificate: Certificate) -> Hash:
        """The only place where a light client judges a certificate; returns the hash of its block."""
        check_header_shape(header)
        block_hash = header_hash(header)
        if certificate.block != (block_hash, header.height):
            raise BadStep("The certificate of a light step is of another block than its header.")
        check_certificate(certificate, self.trusted.authorities, self.genesis_hash, self._verify, header=header)
        for known in (self.trusted, self.tip):
            if not _agree(known, block_hash, header.height, certificate.instance):
                raise BrokenFinality(
                    f"Block {block_hash.hex()} at height {header.height} is certified in instance "
                    f"{certificate.instance}; so is {known.hash.hex()} at {known.header.height} in {known.instance}."
                )
        return block_hash

    # --- between two runs ---------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """Return what `restore` needs to go on from here."""
        trusted = self.trusted
        return encode(
            LightState(
                STATE_VERSION, self.genesis_hash, trusted.header, trusted.instance, encode_set(trusted.authorities)
            )
        )

    @classmethod
    def restore(cls, data: bytes, genesis_hash: Hash | None, verify: Verifier) -> "LightChain":
        """Return the chain that was saved. Raises BadLightState, also for another network than `genesis_hash`."""
        try:
            state = decode_canonical(LightState, data, max_bytes=LIGHT_STATE_BYTES_MAX)
            check_header_shape(state.header)
            authorities = decode_set(state.authorities)
        except NodeError as error:
            raise BadLightState(f"The stored light state is damaged: {error.message}") from error
        if state.version != STATE_VERSION or state.instance < 0 or len(state.genesis_hash) != HASH_BYTES:
            raise BadLightState("The stored light state is of another version of neurond.")
        if genesis_hash is not None and state.genesis_hash != genesis_hash:
            raise BadLightState("The stored light state belongs to another network.")
        trusted = Trusted(state.header, header_hash(state.header), state.instance, authorities)
        return cls(state.genesis_hash, trusted, verify)


def start_at_genesis(genesis_hash: Hash, header: Header, set_value: bytes, verify: Verifier) -> LightChain:
    """Return the chain that begins with block 0, whose header commits to the first set: `genesis_hash` vouches for all.

    Raises BadCheckpoint.
    """
    checkpoint = Checkpoint(Height(0), genesis_hash, header.next_set_hash)
    return start_at(checkpoint, genesis_hash, header, (set_value,), verify)


def start_at(
    checkpoint: Checkpoint, genesis_hash: Hash, header: Header, set_values: Iterable[bytes], verify: Verifier
) -> LightChain:
    """Return the chain that begins at `checkpoint`; `set_values` are candidates for its set, from anybody.

    Raises BadCheckpoint: another header, or none of the sets is the named one.
    """
    check_header_shape(header)
    if header.height != checkpoint.height or header_hash(header) != checkpoint.block_hash:
        raise BadCheckpoint(f"The block at height {checkpoint.height} is not the one that the checkpoint names.")
    for value in set_values:
        try:
            authorities = decode_set(value)
        except (DecodeError, BadAuthoritySet):
            continue
        if authorities.hash == checkpoint.set_hash and authorities.set_id in (header.set_id, header.set_id + 1):
            return LightChain(genesis_hash, Trusted(header, checkpoint.block_hash, 0, authorities), verify)
    raise BadCheckpoint("The authority set at the checkpoint is not the one that the checkpoint names.")


def _next_set(trusted: Trusted, header: Header, proven: tuple[ProvenSet, ...]) -> AuthoritySet:
    """The set that decides after `header`: the one before, unless another one is proven under its state root."""
    before = trusted.authorities
    if not proven:
        if header.set_id != before.set_id:
            raise BadStep("A light step leaves out the authority set that decides after it.")
        return before
    if not verify_proof(header.state_root, set_path(), proven[0].value, proven[0].proof):
        raise BadProof("The new authority set of a light step is not part of the certified state.")
    try:
        after = decode_set(proven[0].value)
    except (DecodeError, BadAuthoritySet) as error:
        raise BadStep(f"The new authority set of a light step is malformed: {error.message}") from error
    if after.set_id <= before.set_id or after.set_id < header.set_id:
        raise BadStep("The new authority set of a light step does not follow the one before.")
    return after


def _agree(known: Trusted | Tip, block_hash: Hash, height: Height, instance: int) -> bool:
    """Whether two certified blocks can be on one chain: instances and heights rise together."""
    if known.instance == 0:  # a checkpoint's own instance is not known
        return height != known.header.height or block_hash == known.hash
    if instance == known.instance:
        return block_hash == known.hash
    return (instance > known.instance) == (height > known.header.height) and height != known.header.height
