"""Sets a validator's weights once an epoch, shortly before its end, and makes sure that the chain has them.

They are made once; what is sent again is the same, so that the record names what the chain has.
Where the subnet wants weights committed first, the commit goes out then, and the reveal in the epoch it is due.
"""

import logging
from collections.abc import Callable
from typing import Final

from node.ledger.calls import Call, CommitWeights, SetWeights
from node.market.context import MarketContext
from node.market.weights import WeightVector
from node.primitives.errors import NodeError
from node.primitives.types import Height
from node.service.roles.secrets import WeightSecrets
from node.subnets.base import AnySubnet
from storage import SecretRow, StorageError

LEAD_BLOCKS_MAX: Final = 10  # of a long epoch: three tries of three blocks
LEAD_BLOCKS_MIN: Final = 4  # of a short one: one try and one more
RETRY_BLOCKS: Final = 3  # a transaction that is not in after three blocks is sent again

_log = logging.getLogger(__name__)


def lead_blocks(tempo_blocks: int) -> int:
    """How long before the epoch's end weights are set: a third of the epoch within the bounds."""
    return min(max(tempo_blocks // 3, LEAD_BLOCKS_MIN), LEAD_BLOCKS_MAX)


class WeightSetter:
    """Call `tick` at every head; `last_set_height` is the last success that the chain shows."""

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        weigh: Callable[[Callable[[WeightVector], bytes]], tuple[WeightVector | None, str]],
        secrets: WeightSecrets,
    ) -> None:
        """`weigh` makes the vector and writes it down with the hash that its argument gives for it, b"" for none."""
        self._context = context
        self._secrets = secrets
        self._subnet = subnet
        self._weigh = weigh
        self._call: Call | None = None  # of this epoch, once made
        self._epoch_end = Height(0)
        self._submitted_at: Height | None = None
        self.last_set_height: Height | None = None
        self._error = ""
        self.next_vector: WeightVector | None = None
        self.abstained = 0

    @property
    def last_error(self) -> str:
        """Why weights could not be set, committed or revealed lately; "" when all is well."""
        return self._secrets.last_error or self._error

    async def tick(self) -> None:
        """Submit weights, or a commit to them, when it is time and the chain does not have them yet.

        Never raises NodeError.
        """
        metagraph = self._context.chain.metagraph(self._context.netuid)
        seat = self._context.seat()
        if metagraph is None or seat is None:
            return
        height, left = metagraph.height, metagraph.subnet.blocks_to_epoch
        secret = metagraph.subnet.hyperparameters.commit_reveal
        if secret:
            await self._secrets.tick(height)
        if self._submitted_at is not None and seat.last_update >= self._submitted_at:
            self.last_set_height, self._error = seat.last_update, ""
        if height + left != self._epoch_end:
            self._epoch_end, self._submitted_at, self._call = Height(height + left), None, None
        if left > lead_blocks(metagraph.subnet.tempo_blocks) or not self._is_due(height, seat.last_update):
            return
        await self._submit(height, secret=secret)

    def _is_due(self, height: Height, last_update: Height) -> bool:
        if self._submitted_at is None:
            return True
        return last_update < self._submitted_at and height >= self._submitted_at + RETRY_BLOCKS

    async def _submit(self, height: Height, *, secret: bool) -> None:
        self._submitted_at = height
        try:
            if self._call is None:
                self._call = await self._make(secret=secret)
            if self._call is not None:
                await self._context.chain.submit(self._call, self._context.signer)
        except (NodeError, StorageError) as error:
            self._error = str(error)
            _log.warning("weights could not be set: %s", error)

    async def _make(self, *, secret: bool) -> Call | None:
        """This epoch's weights as a call; None to abstain. Raises StorageError."""
        version = self._subnet.spec.version
        sealed: list[tuple[CommitWeights, SecretRow]] = []

        def commit(vector: WeightVector) -> bytes:
            if secret:
                sealed.append(self._secrets.seal(vector, version))
            return sealed[0][0].commit_hash if sealed else b""

        vector, problem = self._weigh(commit)
        self.next_vector = vector
        if vector is None:
            self._error = problem or self._error
            self.abstained += 1
            return None
        if not sealed:
            return SetWeights(self._context.netuid, vector.uids, vector.values, version)
        call, row = sealed[0]
        await self._secrets.keep(row)
        return call
