"""Follows certified headers alone, and takes rows and snapshots under them: docs/protocol.md, "Light client"."""

from collections.abc import Collection
from dataclasses import dataclass

from tests.reference.follower.chain import genesis_header
from tests.reference.follower.sets import AuthoritySet, check_certificate, set_in
from tests.reference.follower.shapes import Certificate, Chunk, Header, LightStep, Manifest, Pair
from tests.reference.follower.sync import Proofs
from tests.reference.follower.trees import check_chunk, check_manifest, check_row, proven_root
from tests.reference.follower.wire import Refused, require, row_path

CURRENT = row_path("authority", "current")


@dataclass(frozen=True)
class Checkpoint:
    """`HEIGHT:BLOCKHASH:SETHASH`, from somebody one trusts."""

    height: int
    block_hash: bytes
    set_hash: bytes


def checkpoint_in(text: str) -> Checkpoint:
    parts = text.split(":")
    require(len(parts) == 3 and parts[0].isascii() and parts[0].isdecimal(), "HEIGHT:BLOCKHASH:SETHASH")
    try:
        block_hash, set_hash = (bytes.fromhex(part) for part in parts[1:])
    except ValueError as error:
        raise Refused("hashes are written in hex") from error
    require(len(block_hash) == len(set_hash) == 32, "hashes have 32 bytes")
    return Checkpoint(int(parts[0]), block_hash, set_hash)


@dataclass
class LightClient:
    """The last block that is trusted, and the set that decides on what follows."""

    genesis_hash: bytes
    header: Header
    members: AuthoritySet
    instance: int = 0

    @classmethod
    def at_genesis(cls, genesis_hash: bytes, header: Header, members: AuthoritySet) -> "LightClient":
        genesis_header(header, genesis_hash)
        require(members.set_id == 0 and members.hash == header.next_set_hash, "block 0 commits to other authorities")
        return cls(genesis_hash, header, members)

    @classmethod
    def at_checkpoint(
        cls, genesis_hash: bytes, checkpoint: Checkpoint, header: Header, members: AuthoritySet
    ) -> "LightClient":
        require((header.height, header.hash) == (checkpoint.height, checkpoint.block_hash), "another block")
        require(members.hash == checkpoint.set_hash, "another set than the checkpoint's")
        require(members.set_id - header.set_id in (0, 1), "the set of a block's children is its own or the next")
        return cls(genesis_hash, header, members)

    def advance(self, step: LightStep) -> None:
        """Take a step. Raises Refused and stays as it was."""
        header, certificate = step.header, step.certificate
        check_certificate(certificate, header, self.members, self.genesis_hash)
        newer = certificate.instance > self.instance and header.height > self.header.height
        require(newer and header.slot > self.header.slot, "a step goes forward")
        members = self.members
        if not step.next_set:
            require(header.set_id == members.set_id, "the set changed and is left out")
        for proven in step.next_set:
            require(proven_root(CURRENT, proven.value, proven.proof) == header.state_root, "the set is not proven")
            members = set_in(proven.value)
            require(members.set_id > self.members.set_id and members.set_id >= header.set_id, "not a later set")
        if step.next_set or not header.next_set:  # else it may hide a set that its block enacts
            self.header, self.members, self.instance = header, members, certificate.instance

    def check_tip(self, header: Header, certificate: Certificate) -> None:
        """Raises Refused unless the set that decides certified this header."""
        check_certificate(certificate, header, self.members, self.genesis_hash)

    def rows(self, proofs: Proofs, paths: Collection[bytes]) -> dict[bytes, bytes | None]:
        """The rows under `paths` that an answer proves, below the trusted header or a newer certified one.

        Raises Refused, also when a path was left out.
        """
        if proofs.header.hash != self.header.hash:
            require(len(proofs.certificate) == 1, "nobody certified this header")
            self.check_tip(proofs.header, proofs.certificate[0])
        rows = {row.path: check_row(proofs.header.state_root, row) for row in proofs.rows}
        require(rows.keys() >= set(paths), "a row that was asked for is left out")
        return rows


class Assembly:
    """Collects the chunks of a snapshot until nothing is missing."""

    def __init__(self, manifest: Manifest, genesis_hash: bytes, certified_by: AuthoritySet) -> None:
        check_manifest(manifest, genesis_hash)
        check_certificate(manifest.certificate, manifest.header, certified_by, genesis_hash)
        self.manifest, branches = manifest, manifest.branches
        self.rows: dict[bytes, bytes] = {}
        self.missing = {bytes([index]): branches.root(index) for index in range(256) if branches.rows[index]}

    def take(self, chunk: Chunk) -> tuple[Pair, ...]:
        """Keep the rows of a chunk that is missing, or ask for its parts. Raises Refused."""
        require(chunk.prefix in self.missing, "not asked for")
        check_chunk(chunk, self.missing[chunk.prefix])
        del self.missing[chunk.prefix]
        for branches in chunk.branches:
            parts = (index for index in range(256) if branches.rows[index])
            self.missing |= {chunk.prefix + bytes([index]): branches.root(index) for index in parts}
        self.rows |= dict(chunk.rows)
        return chunk.rows
