"""The HTTP gateway inside a node: its doors, its database of keys, and what it may tell of money and receipts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from node.ledger import queries
from node.market.frames import Receipt, decode
from node.market.routes import Closed, SubnetDoor
from node.primitives.address import to_ss58
from node.service.doors import ClosedDoor
from node.service.metrics import families_of

if TYPE_CHECKING:
    from node.service.app import Node, Running


async def open_gateway(node: Node, running: Running, nursery: trio.Nursery) -> None:
    """Serve HTTP on 127.0.0.1 until the node stops, if it is to. Raises PortTaken and StorageError."""
    if node.config.gateway_port is None:
        return
    from node.gateway.app import Gateway  # a web server: 5 MB that a node without a gateway does without
    from node.gateway.server import bind, run_gateway
    from storage.keys import KeyStore

    bound = bind(node.config.gateway_port)

    async def serve(*, task_status: trio.TaskStatus[str]) -> None:
        with bound, closing(await trio.to_thread.run_sync(KeyStore.open, node.home.gateway)) as store:
            gateway = Gateway(
                partial(doors_of, running), store=store, ledger=NodeLedger(running), metrics=partial(families_of, node)
            )
            await run_gateway(gateway, bound, node.stop, task_status=task_status)

    running.gateway_url = await nursery.start(serve)  # its store closes after its last word, however the node stops


def doors_of(running: Running) -> Sequence[SubnetDoor]:
    """The doors of all subnets that can be asked now, or one that says why there is none."""
    door = running.services.door
    if isinstance(door, ClosedDoor):
        return (Closed(door.reason),)
    return tuple(running.services.doors().values())


class NodeLedger:
    """Balance and receipts of the running node."""

    def __init__(self, running: Running) -> None:
        self._running = running

    async def balance(self) -> Mapping[str, Any]:
        """The accounts of this node on the chain, in rao."""
        keys, view = self._running.keys, self._running.chain.head.executed.state.view
        accounts = {"hotkey": keys.hotkey_account, "coldkey": keys.coldkey}
        return {
            "object": "neurond.balance",
            "height": self._running.chain.head.height,
            "accounts": {
                name: {"address": to_ss58(account), "free_rao": queries.balance(view, account)}
                for name, account in accounts.items()
                if account is not None
            },
        }

    async def receipt(self, digest: bytes) -> Mapping[str, Any] | None:
        """A receipt with both signatures; None when this node keeps none of that digest."""
        row = await trio.to_thread.run_sync(self._running.market.receipts.find, digest)
        if row is None:
            return None
        receipt = decode(Receipt, row.receipt)
        body = receipt.body
        return {
            "object": "neurond.receipt",
            "digest": digest.hex(),
            **msgspec.structs.asdict(body),
            "genesis": body.genesis.hex(),
            "caller": to_ss58(body.caller),
            "miner": to_ss58(body.miner),
            "request": body.request.hex(),
            "answer": body.answer.hex(),
            "usage": msgspec.structs.asdict(body.usage),
            "signatures": {"miner": receipt.miner_signature.hex(), "caller": receipt.caller_signature.hex()},
            "raw": row.receipt.hex(),
        }
