"""The control API on the daemon's side: each method reads the running node or hands work to it.

No rule of the market or the ledger lives here. Methods that need a running node raise NotReady while it starts.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import trio

from models import CATALOGUE, ModelError, ensure, find_entry, is_ready
from models import Progress as ModelProgress
from models.ensure import is_there
from node.control import schema
from node.control.errors import error_view
from node.control.events import AnyEvent
from node.control.limits import BAN_DEFAULT_S, INVITE_DEFAULT_S
from node.ledger import network_queries, queries
from node.ledger.calls import Call
from node.ledger.state import StateView
from node.ledger.transaction import ERA_PERIOD_DEFAULT_BLOCKS, SPEC_VERSION
from node.ledger.transition import preview_call
from node.market.chat import DEFAULT_MAX_TOKENS, DEFAULT_TEMPERATURE, ChatRequest, ChatTurn
from node.primitives.address import from_ss58, to_ss58
from node.primitives.codec import decode_canonical
from node.primitives.errors import LedgerError
from node.primitives.limits import TRANSACTION_BYTES_MAX
from node.primitives.types import Alpha, Hash, NetUid, Rao
from node.service.authority_view import authority_board, proposal_view
from node.service.birth import birth_of
from node.service.data_api import DataOfNode
from node.service.doctor import examine
from node.service.errors import NotReady, RoleRefused
from node.service.history import HistoryOfNode
from node.service.inspect_api import InspectionOfNode
from node.service.inviting import join_running, sign_invite
from node.service.jobs import Report
from node.service.journals_api import JournalsOfNode
from node.service.model_store import shared_model_store
from node.service.neighbours import BY_HAND, add_peer, ban_view, connected_peers, lift_ban, ping_peer
from node.service.payments_api import MoneyOfNode
from node.service.prices_api import PricesOfNode
from node.service.record_api import RecordsOfNode
from node.service.role_switch import switch_role
from node.service.routes_api import RoutesOfNode
from node.service.status import status_of
from node.service.views import account_view, metagraph_view, quote_view, stored_task_view, subnet_view, task_view
from node.service.why import why_view
from node.version import __version__

if TYPE_CHECKING:
    from node.service.app import Node, Running

_SHUTDOWN_S: Final = 15.0
_CALL: Final = cast("type[Call]", Call)  # a union decodes like a type


class NodeApi(
    DataOfNode, HistoryOfNode, InspectionOfNode, JournalsOfNode, MoneyOfNode, PricesOfNode, RecordsOfNode, RoutesOfNode
):
    """Implements `node.control.api.Api` for one node."""

    def __init__(self, node: Node) -> None:
        self._node = node

    # --- the node ---------------------------------------------------------------------------------------------------

    async def hello(self, client: str, version: int) -> schema.Hello:
        """Tell who this is; also while starting."""
        node, running = self._node, self._node.running
        return schema.Hello(
            version=__version__,
            api_min=schema.API_VERSION,
            api_max=schema.API_VERSION,
            pid=os.getpid(),
            home=str(node.home.path),
            state=node.state,
            phase=node.phase,
            peer_id="" if running is None else running.network.peer_id,
            network="" if running is None else running.chain.spec.name,
            genesis_hash="" if running is None else running.chain.genesis_hash.hex(),
        )

    async def status(self) -> schema.NodeStatus:
        """Tell everything a status bar shows."""
        return status_of(self._node)

    async def doctor(self) -> schema.Checkup:
        """Look for what is wrong; also while starting."""
        return await examine(self._node)

    async def peers(self) -> tuple[schema.PeerInfo, ...]:
        """List connected peers."""
        return connected_peers(self._running())

    async def authorities(self) -> schema.AuthorityBoard:
        """Tell who decides."""
        return authority_board(self._running().chain.head.executed.state.view)

    async def proposals(self) -> tuple[schema.ProposalView, ...]:
        """List what the Senate decides on."""
        return tuple(map(proposal_view, network_queries.proposals(self._running().chain.head.executed.state.view)))

    async def peer_add(self, address: str) -> schema.PeerInfo:
        """Connect to a peer."""
        return await add_peer(self._running(), address)

    async def peer_bans(self) -> tuple[schema.BanInfo, ...]:
        """List the bans in force."""
        return tuple(map(ban_view, self._running().network.bans()))

    async def peer_ban(self, peer_id: str, duration_s: float = BAN_DEFAULT_S, reason: str = "") -> schema.BanInfo:
        """Keep a peer out."""
        return ban_view(await self._running().network.ban(peer_id, reason or BY_HAND, duration_s=duration_s))

    async def peer_unban(self, peer_id: str) -> schema.BanInfo:
        """Lift a ban."""
        return lift_ban(self._running(), peer_id)

    async def peer_ping(self, peer_id: str) -> schema.PeerPing:
        """Measure a round trip."""
        return await ping_peer(self._running(), peer_id)

    async def logs(self, since: int = 0, level: schema.LogLevel = "info", limit: int = 200) -> schema.LogPage:
        """Return lines of the log."""
        return self._node.log_book.page(since, level, limit)

    async def invite(
        self, valid_s: int = INVITE_DEFAULT_S, addresses: Sequence[str] = (), only_these: bool = False
    ) -> schema.Invite:
        """Sign an invite to this network."""
        return sign_invite(self._running(), valid_s, tuple(addresses), only_these=only_these)

    async def join(self, target: str) -> schema.Joined:
        """Connect to an invite's or an address' node of this network."""
        return await join_running(self._running(), target)

    async def shutdown(self, drain: bool = True) -> schema.Shutdown:
        """Begin to stop."""
        self._node.drain = drain
        self._node.stop.set()
        return schema.Shutdown(_SHUTDOWN_S)

    async def job(self, id: str) -> schema.Job:
        """Return a job's row."""
        return self._running().jobs.get(id)

    def subscribe(self, topics: Sequence[schema.Topic], level: schema.LogLevel = "info") -> AsyncIterator[AnyEvent]:
        """Follow topics."""
        return self._node.hub.subscribe(topics, level)

    # --- chain and economy ------------------------------------------------------------------------------------------

    async def subnets(self) -> tuple[schema.SubnetInfo, ...]:
        """List the subnets."""
        return tuple(subnet_view(info) for info in queries.subnets(self._view()))

    async def metagraph(self, netuid: int) -> schema.Metagraph:
        """Return a subnet's seats. Raises SubnetNotExists."""
        return metagraph_view(queries.metagraph(self._view(), NetUid(netuid)))

    async def account(self, address: str) -> schema.Account:
        """Return an account's balance and positions."""
        running, account = self._running(), from_ss58(address)
        nonce = running.chain.transactions.next_nonce(account)
        return account_view(self._view(), account, running.chain.head.height, nonce)

    async def tx_context(self) -> schema.TransactionContext:
        """Return what a signer needs."""
        chain = self._running().chain
        parameters, (era_height, era_hash) = queries.parameters(self._view()), birth_of(chain)
        return schema.TransactionContext(
            network=chain.spec.name,
            genesis_hash=chain.genesis_hash.hex(),
            spec_version=SPEC_VERSION,
            height=chain.head.height,
            era_height=era_height,
            era_hash=era_hash.hex(),
            era_blocks=ERA_PERIOD_DEFAULT_BLOCKS,
            base_fee_rao=parameters.base_fee_rao,
            fee_rao_per_byte=parameters.byte_fee_rao,
            slot_ms=chain.clock.slot_ms,
        )

    async def tx_submit(self, raw: bytes) -> schema.Submitted:
        """Take a signed transaction."""
        return schema.Submitted((await self._running().chain.transactions.submit(raw)).hex())

    async def tx_preview(self, sender: str, call: bytes) -> schema.TransactionPreview:
        """Try a call on the next block's state; nothing is kept."""
        state, account = self._running().chain.head.executed.state, from_ss58(sender)
        decoded = decode_canonical(_CALL, call, max_bytes=TRANSACTION_BYTES_MAX)
        try:
            preview = await trio.to_thread.run_sync(preview_call, state, account, decoded)
        except LedgerError as error:
            return schema.TransactionPreview(False, error=error_view(error))
        names = tuple(type(event).__name__ for event in preview.events)
        return schema.TransactionPreview(True, names, free_change_rao=preview.free_change_rao)

    async def tx_status(self, transaction_hash: str) -> schema.TransactionStatus:
        """Return what became of a transaction."""
        return self._running().chain.transactions.status(Hash(bytes.fromhex(transaction_hash)))

    async def quote_stake(self, netuid: int, amount_rao: int) -> schema.Quote:
        """Return what staking would do."""
        quote = queries.quote_stake(self._view(), NetUid(netuid), Rao(amount_rao))
        return quote_view(quote, NetUid(netuid), self._running().chain.head.height, staking=True)

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> schema.Quote:
        """Return what unstaking would do."""
        quote = queries.quote_unstake(self._view(), NetUid(netuid), Alpha(amount_alpha))
        return quote_view(quote, NetUid(netuid), self._running().chain.head.height, staking=False)

    # --- work -------------------------------------------------------------------------------------------------------

    async def tasks(self, limit: int = 50) -> tuple[schema.Task, ...]:
        """Return the latest tasks: running ones from memory, then those of the journal."""
        running = self._running()
        own = running.keys.hotkey_account
        live = [task_view(task, netuid, own) for netuid, task in running.services.tasks()[:limit]]
        known = {(task.id, task.miner) for task in live}
        rows = await trio.to_thread.run_sync(running.market.tasks, limit)
        stored = [task for task in map(stored_task_view, rows) if (task.id, task.miner) not in known]
        return tuple(sorted([*live, *stored], key=lambda task: -task.started_ms)[:limit])

    async def earnings(self) -> schema.Earnings:
        """Return what this node's hotkey earned."""
        book = self._running().earnings
        netuid = self._running().netuid
        return schema.Earnings(None, 0, 0, ()) if book is None or netuid is None else book.view(netuid)

    async def why(self, netuid: int | None = None, hotkey: str | None = None) -> schema.Why:
        """Ask validators about a miner."""
        return await why_view(self._running(), netuid, hotkey)

    async def models(self) -> tuple[schema.ModelInfo, ...]:
        """List the model catalogue."""
        running = self._running()
        loaded = {model.name: model for model in running.models.loaded()}
        infos = []
        for entry in CATALOGUE:
            held = loaded.get(entry.name)
            ready = held is not None or await trio.to_thread.run_sync(is_there, entry.name, self._model_store)
            infos.append(
                schema.ModelInfo(
                    name=entry.name,
                    kind=entry.kind,
                    licence=entry.licence,
                    size_bytes=entry.bundle_bytes,
                    memory_bytes=entry.memory_bytes,
                    state="ready" if ready else "absent",
                    sha256=entry.model_sha256,
                    loaded=held is not None,
                    provider=None if held is None else held.provider,
                )
            )
        return tuple(infos)

    async def model_pull(self, name: str) -> schema.Job:
        """Fetch and convert a model."""
        entry = find_entry(name)
        return self._running().jobs.start("model", f"get the model {entry.name}", partial(self._pull, name))

    async def model_verify(self, name: str) -> schema.Job:
        """Check a model's files against their hashes."""
        entry = find_entry(name)
        return self._running().jobs.start("model", f"check the model {entry.name}", partial(self._verify, name))

    async def ask(
        self,
        messages: Sequence[schema.ChatMessage],
        model: str | None = None,
        max_tokens: int | None = None,
        temperature: float | None = None,
    ) -> AsyncIterator[schema.AskPart]:
        """Stream an answer of the network's miners."""
        running = self._running()
        request = ChatRequest(
            model=model or self._node.model.name,
            messages=tuple(ChatTurn(message.role, message.content) for message in messages),
            max_tokens=DEFAULT_MAX_TOKENS if max_tokens is None else max_tokens,
            temperature=DEFAULT_TEMPERATURE if temperature is None else temperature,
        )
        begun, first_s = time.monotonic(), None
        async with aclosing(running.services.door.ask(request)) as parts:
            async for part in parts:
                first_s = first_s or time.monotonic()
                done = None
                if part.done:
                    done = schema.AskDone(
                        finish_reason=part.finish_reason or "",
                        model=request.model,
                        miner=to_ss58(part.miner),
                        prompt_tokens=0 if part.usage is None else part.usage.prompt_tokens,
                        completion_tokens=0 if part.usage is None else part.usage.completion_tokens,
                        first_token_ms=(first_s - begun) * 1000,
                        total_ms=(time.monotonic() - begun) * 1000,
                        task_id=part.task_id,
                    )
                yield schema.AskPart(part.text, done)

    # --- roles ------------------------------------------------------------------------------------------------------

    async def role_plan(self, role: schema.Role, netuids: Sequence[int] = ()) -> schema.RolePlan:
        """Return what switching to `role` takes."""
        places = tuple(map(NetUid, netuids))
        return await trio.to_thread.run_sync(self._running().planner.plan, role, places)

    async def role_apply(
        self, role: schema.Role, transactions: Sequence[bytes] = (), netuids: Sequence[int] = ()
    ) -> schema.Job:
        """Switch to `role`. Raises RoleRefused when a requirement is short."""
        running = self._running()
        plan = await self.role_plan(role, netuids)
        short = next((each for each in plan.requirements if not each.met), None)
        if short is not None:
            raise RoleRefused(f"{short.name}: {short.have}, needed is {short.need}.", remedy=short.remedy)
        needed = sum(each.signer == "coldkey" for each in plan.transactions)
        if needed > len(transactions):
            raise RoleRefused(f"This switch needs {needed} signed transactions, {len(transactions)} came.")
        work = partial(switch_role, self._node, running, plan, tuple(transactions))
        return running.jobs.start("role", f"become a {role}", work)

    # --- helpers ----------------------------------------------------------------------------------------------------

    def _running(self) -> Running:
        running = self._node.running
        if running is None:
            raise NotReady(f"The node is {self._node.state}: {self._node.phase}.")
        return running

    def _view(self) -> StateView:
        return self._running().chain.head.executed.state.view

    @property
    def _model_store(self) -> Path:
        return self._node.config.model_store or shared_model_store()

    async def _pull(self, name: str, report: Report) -> str:
        def progress(step: ModelProgress) -> None:
            tell = partial(
                report, step.stage, done=step.done, total=step.total, unit=step.unit, eta_s=step.eta_s
            )  # fmt: skip
            trio.from_thread.run_sync(tell)

        peer_fetch = self._running().model_peers.fetch
        await trio.to_thread.run_sync(partial(ensure, name, self._model_store, progress, peer_fetch=peer_fetch))
        return f"{name} is ready"

    async def _verify(self, name: str, report: Report) -> str:
        report("hashing the model's files")
        if not await trio.to_thread.run_sync(is_ready, name, self._model_store):
            raise ModelError(
                f"{name} is not in the store, or a file of it is damaged; run `neurond models pull {name}`"
            )
        return f"{name} is complete and every hash holds"
