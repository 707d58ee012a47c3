"""How a new node learns its network's genesis: it asks peers for the file and checks its hash.

The file is public and the hash commits to every field of it, so a peer can refuse but not deceive once the hash is
known. Without a hash (joining by multiaddress) the first peer is trusted for which network this is, and told so.
"""

from typing import Final

import trio

from node.ledger.genesis import genesis_state, parse_genesis
from node.primitives.errors import LedgerError
from node.primitives.limits import GENESIS_BYTES_MAX
from node.primitives.types import Hash
from node.service.errors import BadGenesis, NoGenesis
from node.service.first_answer import first_answer
from p2p import Network, Stream

PROTOCOL: Final = "/neurond/genesis/1"
_REQUEST: Final = b"genesis"
_REQUEST_BYTES_MAX: Final = 16
TIMEOUT_S: Final = 15.0


def serve_genesis(network: Network, data: bytes) -> None:
    """Give this network's genesis file to whoever asks."""

    async def answer(stream: Stream) -> None:
        with trio.move_on_after(TIMEOUT_S):
            await stream.receive(_REQUEST_BYTES_MAX)
            await stream.send(data)
            return await stream.close_write()
        await stream.reset()  # it said nothing, or reads nothing: the place is for others

    network.serve(PROTOCOL, answer)


async def fetch_genesis(network: Network, addresses: tuple[str, ...], expected: Hash | None) -> bytes:
    """Return the genesis file from whoever at `addresses` is the first to have it; one liar keeps nobody out.

    Raises:
        NoGenesis: nobody answered; says why, address by address.
        BadGenesis: nobody gave it, and what somebody gave is no genesis, or another one than `expected`.
    """

    async def ask(peer_id: str) -> bytes:
        data = await network.request(
            peer_id, PROTOCOL, _REQUEST, max_bytes=GENESIS_BYTES_MAX, timeout_s=TIMEOUT_S
        )  # fmt: skip
        check_genesis(data, expected)
        return data

    outcome = await first_answer(network, addresses, ask)
    if outcome.answer is not None:
        return outcome.answer
    tried = f"Nobody could tell the genesis of this network ({outcome.tried()})."
    if any(isinstance(each.error, BadGenesis) for each in outcome.failed):
        raise BadGenesis(tried, remedy="Ask for a new invite, or for the address of a node of that network.")
    raise NoGenesis(tried, remedy=outcome.advice())


def check_genesis(data: bytes, expected: Hash | None) -> None:
    """Refuse a file that is no genesis, or not the expected one (BadGenesis)."""
    try:
        _, state, _ = genesis_state(parse_genesis(data))
    except LedgerError as error:
        raise BadGenesis(f"This is no genesis: {error.message}") from error
    if expected is not None and state.hash != expected:
        raise BadGenesis(f"This is another network: genesis {state.hash.hex()[:16]}…, not {expected.hex()[:16]}….")
