"""Commits to weights and what opens them: kept on disk before a commit goes out, revealed when its blocks have come.

A restart loses nothing: what the journal keeps and the chain still holds is revealed in time.
"""

import logging
import secrets
from typing import Final

from node.ledger.calls import CommitWeights, RevealWeights
from node.ledger.commit_hash import commit_hash
from node.market.context import MarketContext
from node.market.weights import WeightVector
from node.primitives.codec import decode_canonical, encode
from node.primitives.errors import DecodeError, NodeError
from node.primitives.types import Hash, Height
from node.service.roles.journal import RoleJournal
from storage import SecretRow
from storage.limits import SECRET_BYTES_MAX

RETRY_BLOCKS: Final = 3  # a reveal that is not in after three blocks is sent again
SALT_U16: Final = 8  # 128 bits: nobody finds the weights by trying
KEPT_BLOCKS_MIN: Final = 64  # a commit that was sent may take this long to be seen on the chain

_log = logging.getLogger(__name__)


class WeightSecrets:
    """One validator's open commits in one subnet. `load` before use, `tick` at every head."""

    def __init__(self, context: MarketContext, journal: RoleJournal) -> None:
        self._context = context
        self._journal = journal
        self._rows: dict[Hash, SecretRow] = {}
        self._sent_at: dict[Hash, Height] = {}
        self.last_error = ""

    async def load(self) -> None:
        """Take up what an earlier run has kept. Raises StorageError."""
        self._rows = {Hash(row.digest): row for row in await self._journal.load_secrets()}

    def seal(self, vector: WeightVector, version_key: int) -> tuple[CommitWeights, SecretRow]:
        """The commit to a vector and what opens it; `keep` the second before the first goes out."""
        netuid = self._context.netuid
        salt = tuple(secrets.randbelow(1 << 16) for _ in range(SALT_U16))
        reveal = RevealWeights(netuid, vector.uids, vector.values, salt, version_key)
        digest = commit_hash(self._context.hotkey, netuid, vector.uids, vector.values, salt, version_key)
        row = SecretRow(digest, self._context.chain.height(), encode(reveal))
        return CommitWeights(netuid, digest), row

    async def keep(self, row: SecretRow) -> None:
        """Have what opens a commit on disk. Raises StorageError."""
        await self._journal.keep_secret(row)
        self._rows[Hash(row.digest)] = row

    async def tick(self, height: Height) -> None:
        """Reveal what the next block may take, and forget what is over. Never raises NodeError."""
        found = self._context.chain.weight_commits(self._context.netuid, self._context.hotkey)
        commits = {commit.hash: commit for commit in found}
        for digest, row in list(self._rows.items()):
            commit = commits.get(digest)
            if commit is None:
                if height > max(row.height, self._sent_at.get(digest, 0)) + KEPT_BLOCKS_MIN:
                    self._forget(digest)
            elif height >= commit.reveal_until:
                self._forget(digest)
            elif height + 1 >= commit.reveal_from and self._is_due(digest, height):
                await self._reveal(digest, row, height)

    def _is_due(self, digest: Hash, height: Height) -> bool:
        sent_at = self._sent_at.get(digest)
        return sent_at is None or height >= sent_at + RETRY_BLOCKS

    async def _reveal(self, digest: Hash, row: SecretRow, height: Height) -> None:
        self._sent_at[digest] = height
        try:
            reveal = decode_canonical(RevealWeights, row.body, max_bytes=SECRET_BYTES_MAX)
            await self._context.chain.submit(reveal, self._context.signer)
        except DecodeError as error:
            self._forget(digest)
            _log.warning("a kept secret cannot be read: %s", error)
        except NodeError as error:
            self.last_error = str(error)
            _log.warning("weights could not be revealed: %s", error)
        else:
            self.last_error = ""

    def _forget(self, digest: Hash) -> None:
        self._rows.pop(digest, None)
        self._sent_at.pop(digest, None)
        self._journal.drop_secrets((digest,))
