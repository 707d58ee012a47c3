"""The users' way in: a question goes to a good miner and the answer streams back. Used by every gateway alike.

Before the first piece of an answer the next miner is tried, a few times, and where there is no other the same one once
more; after it there is no way back and a failure is said as it is. The last piece is held until the miner's signature
over the whole has been checked.
"""

import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

import trio

from node.market.call import Call, open_call
from node.market.chat import ChatPart, ChatRequest, ModelInfo
from node.market.context import MarketContext
from node.market.errors import (
    BadRequest,
    CallBroken,
    CallRefused,
    CallTimeout,
    ForgedAnswer,
    InsufficientBudget,
    NoMiner,
    OverClaimed,
    SpendingLimit,
    UnknownModel,
    Unreachable,
)
from node.market.frames import Receipt, body_digest, receipt_digest, request_digest
from node.market.limits import (
    ANSWER_TIMEOUT_S,
    DOOR_OPENS_S,
    FAILOVER_MINERS_MAX,
    FIRST_MINER_WAIT_S,
    FIRST_PART_TIMEOUT_S,
    ONLINE_POLL_S,
    RETRY_PAUSE_S,
    RETRY_WITHIN_S,
)
from node.market.payer import Bill, Payer
from node.market.payments import Tariff, tariff_of
from node.market.reports import Report, Reports
from node.market.roster import miners
from node.market.router import Router
from node.market.routes import Paid, Piece, as_whole, untold
from node.market.tasks import TaskView
from node.primitives.address import to_ss58
from node.primitives.codec import encode
from node.primitives.errors import MarketError
from node.primitives.types import Hash
from node.subnets.base import Answer, AnySubnet, Book, Code, Comment, Host, Message, Neuron, Part, Usage
from node.subnets.doors import CHAT_PATH, AnyLocalRoute, AnyRoute

__all__ = ["ChatPart", "ChatRequest", "Exchange", "FrontDoor", "MarketDoor", "ModelInfo"]

_CALLERS_FAULT = frozenset({Code.MALFORMED, Code.TOO_LARGE})
_FULL = frozenset({Code.OVERLOADED, Code.RATE_LIMITED})


class FrontDoor(Protocol):
    """What a gateway needs. Wrap `ask` in `contextlib.aclosing`: leaving the block stops the miner."""

    def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        """Stream an answer. Raises BadRequest, NoMiner, CallTimeout, CallRefused or CallBroken (all MarketError)."""
        ...

    def models(self) -> list[ModelInfo]:
        """The models that can be asked now."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """A finished user's call: what an audit needs."""

    digest: Hash
    task: Message
    answer: Answer
    receipt: Receipt
    paid_rao: int = 0


@dataclass(frozen=True, slots=True)
class Spending:
    """What one call may cost: None leaves it to the budget. `ceiling` is the most usage it can come to, if known."""

    max_rao: int | None = None
    ceiling: Usage | None = None


class MarketDoor:
    """The front door of one subnet. `book` is the score book to route by; empty where this node does not validate.

    `host` is what the subnet's local routes reach the world through; `payer` pays miners that ask a price, by default
    the context's.
    """

    def __init__(
        self,
        context: MarketContext,
        subnet: AnySubnet,
        *,
        now_ms: Callable[[], int],
        book: Callable[[], Book] = dict,
        record: Callable[[TaskView], None] = lambda _: None,
        finished: Callable[[Exchange], None] = lambda _: None,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
        first_part_s: float = FIRST_PART_TIMEOUT_S,
        answer_s: float = ANSWER_TIMEOUT_S,
        host: Host | None = None,
        payer: Payer | None = None,
    ) -> None:
        self._context = context
        self._subnet = subnet
        self._now_ms = now_ms
        self._book = book
        self._record = record
        self._finished = finished
        self._random_bytes = random_bytes
        self._first_part_s = first_part_s
        self._answer_s = answer_s
        self._host = host
        self._payer = payer or (None if context.money is None else context.money.payer)
        self._router = Router(trio.current_time)
        self._opened_s = trio.current_time()
        self._reports = Reports(subnet, host, self._payer)
        self.counts: Counter[str] = Counter()
        self.routes = tuple(subnet.routes)
        self.local_routes = tuple(subnet.local_routes)

    def models(self) -> list[ModelInfo]:
        view = self._context.view()
        count = len(miners(view, without=self._context.hotkey))
        name, netuid = self._subnet.spec.name, self._context.netuid
        return [
            ModelInfo(each.name, name, netuid, count, each.path, dict(each.facts))
            for each in self._subnet.offerings(view)
        ]

    async def ask(self, request: ChatRequest) -> AsyncGenerator[ChatPart, None]:
        async with aclosing(self.call(self._chat_route(request), request)) as pieces:
            async for piece in pieces:
                if not isinstance(piece.reply, Comment):
                    yield as_whole(piece.reply, piece)

    async def call(
        self, route: AnyRoute, request: Any, *, spend_max_rao: int | None = None, paid: Paid = untold
    ) -> AsyncGenerator[Piece, None]:
        """Stream the replies of a route to a parsed request; see `SubnetDoor`."""
        task = self._task_of(route, request)
        spending = Spending(spend_max_rao, _ceiling(route, task))
        within = await self._online(route, task, spending)
        call, part = await self._begin(task, within, spending, self._lot(request, task))
        miner, code = call.request.head.to, Code.CANCELLED
        view = self._open_view(call, task)
        try:
            while not part.done:
                yield Piece(route.to_reply(part, miner), part.index, False, miner, paid_rao=call.paid_rao)
                part = await anext(call)
            await call.collect()
            code = Code.OK
            yield Piece(
                route.to_reply(part, miner), part.index, True, miner, part.usage, call.receipt_digest, view.id,
                call.paid_rao,
            )  # fmt: skip
        except StopAsyncIteration as error:
            code = Code.EARLY_END
            raise CallBroken("The answer ended before its last part.") from error
        except MarketError as error:
            code = code_of_failure(error)
            raise
        finally:
            self._router.ended(miner, failed=code not in (Code.OK, Code.CANCELLED))
            self._close_view(view, call, task, code)
            try:
                await call.aclose()
            finally:
                paid(call.paid_rao)

    async def answer(self, route: AnyLocalRoute, request: Any) -> Any:
        """What this node itself answers to a request of a local route. Raises MarketError."""
        if self._host is None:
            raise NoMiner(
                "This node keeps nothing of that subnet.", remedy="Start a role in it: `neurond role set validator`."
            )
        return await route.handler(self._host, request)

    async def report(self, receipt: Hash) -> Report | None:
        """Judge an answer of this door again; a wrong one's miner is asked last for a while."""
        found = await self._reports.report(receipt)
        if found is not None and found.outcome == "wrong":
            self._router.failed(found.miner)
        return found

    def _chat_route(self, request: ChatRequest) -> AnyRoute:
        known = [each.name for each in self.models() if each.path == CHAT_PATH]
        route = next((each for each in self.routes if each.path == CHAT_PATH), None)
        if route is None or request.model not in known:
            raise UnknownModel(f"There is no model {request.model!r}; known are {', '.join(known)}.", param="model")
        return route

    def _task_of(self, route: AnyRoute, request: Any) -> Message:
        """The task that a request becomes. Raises BadRequest and its leaves."""
        if route.resolve is not None:
            request = route.resolve(request, self._context.view())
        task: Message = route.to_task(request, self._random_bytes(32))
        return task

    def _able(self, route: AnyRoute, task: Message) -> list[Neuron]:
        """The miners that could answer, those that the subnet names first in its order."""
        view = self._context.view()
        seats = miners(view, without=self._context.hotkey)
        if route.who is None:
            return seats
        by_hotkey = {seat.hotkey: seat for seat in seats}
        return [by_hotkey[hotkey] for hotkey in route.who(task, view) if hotkey in by_hotkey]

    def _lot(self, request: Any, task: Message) -> bytes:
        """What the draw of miners follows from: of a seeded request the task, so that it meets the same miner again."""
        seeded = getattr(request, "seed", None) is not None
        return body_digest(encode(task)) if seeded else self._random_bytes(32)

    async def _online(self, route: AnyRoute, task: Message, spending: "Spending") -> list[Neuron]:
        """The miners that can be asked; soon after this door opened the first one is waited for. Raises NoMiner."""
        patience_s = FIRST_MINER_WAIT_S if trio.current_time() - self._opened_s < DOOR_OPENS_S else 0.0
        within = self._within(task, self._able(route, task), spending)
        with trio.move_on_after(patience_s):
            while not within:
                await trio.sleep(ONLINE_POLL_S)
                within = self._within(task, self._able(route, task), spending)
        return within

    async def _begin(self, task: Message, within: list[Neuron], spending: "Spending", lot: bytes) -> tuple[Call, Part]:
        """Connect to the first miner that begins to answer. Raises NoMiner, BadRequest, InsufficientBudget."""
        tried: list[str] = []
        money: MarketError | None = None
        began_s = trio.current_time()
        line = self._router.choose(within, self._book(), lot)
        once_more: list[Neuron] = []
        while line:
            miner = line.pop(0)
            self._router.began(miner.hotkey)
            try:
                return await self._first_part(miner, task, await self._bill(miner, task, spending))
            except MarketError as error:
                ours = self._passed_over(miner, error)
                money = error if ours else money
                tried.append(f"seat {miner.uid}: {error.message}")
                if self._is_passing(miner, task, error) and miner not in once_more:
                    once_more.append(miner)
                    line.append(miner)
            except BaseException:
                self._router.ended(miner.hotkey, failed=False)
                raise
            if len(tried) == FAILOVER_MINERS_MAX or trio.current_time() - began_s > RETRY_WITHIN_S:
                line = [each for each in line if each not in once_more]
            if line and line[0] in once_more:
                await trio.sleep(RETRY_PAUSE_S)
        self.counts["door.nobody"] += 1
        if money is not None:
            raise money
        reason = f"None of {len(tried)} tries began an answer: {'; '.join(tried)}" if tried else "No miner is online."
        raise NoMiner(reason, tuple(tried))

    def _passed_over(self, miner: Neuron, error: MarketError) -> bool:
        """Note that a miner did not begin; True when money was the reason. Raises BadRequest for the caller's fault."""
        if isinstance(error, CallRefused) and error.refusal in _CALLERS_FAULT:
            self._router.ended(miner.hotkey, failed=False)
            raise BadRequest(error.message) from error
        ours = isinstance(error, InsufficientBudget | SpendingLimit)
        self._router.ended(miner.hotkey, failed=not ours)
        self.counts[f"door.passed_over.{code_of_failure(error).name.lower()}"] += 1
        return ours

    def _is_passing(self, miner: Neuron, task: Message, error: MarketError) -> bool:
        """Whether the same miner may well answer in a moment: nothing was paid, and it broke off, or had no room."""
        if isinstance(error, CallRefused):
            return error.refusal in _FULL
        broke = isinstance(error, CallBroken) and not isinstance(error, ForgedAnswer)
        return isinstance(error, Unreachable) or (broke and self._tariff(miner, task).free)

    def _tariff(self, miner: Neuron, task: Message) -> Tariff:
        offer = self._context.offers.offer_of(miner.hotkey)
        return tariff_of(offer, self._subnet.spec, self._subnet.model_of(task))

    def _within(self, task: Message, candidates: list[Neuron], spending: "Spending") -> list[Neuron]:
        """Those who can serve this node: without a seat only who takes money, without money only who asks none."""
        seated = self._context.seat() is not None
        pays = self._payer is not None and spending.max_rao != 0
        if not seated and not pays:
            raise NoMiner(
                f"Miners answer registered nodes, or those who pay; this node holds no seat in subnet "
                f"{self._context.netuid} and spends nothing.",
                remedy="Register this node's hotkey, or let it spend with `neurond budget set`.",
            )
        free = [miner for miner in candidates if self._tariff(miner, task).free]
        if not seated:
            return [miner for miner in candidates if miner not in free]
        return free if not pays and free else candidates

    async def _bill(self, miner: Neuron, task: Message, spending: "Spending") -> Bill | None:
        """What pays this miner; None for one that asks nothing. Raises as `Payer.begin`."""
        tariff = self._tariff(miner, task)
        if tariff.free:
            return None
        if self._payer is None:
            cost = tariff.cost_rao(spending.ceiling or Usage())
            raise InsufficientBudget(
                "This miner asks a price, and this node spends nothing.", required_rao=cost, available_rao=0,
                topup_address=to_ss58(self._context.hotkey),
            )  # fmt: skip
        return await self._payer.begin(
            self._subnet, miner.hotkey, tariff, spending.ceiling, spend_max_rao=spending.max_rao
        )

    async def _first_part(self, miner: Neuron, task: Message, bill: Bill | None) -> tuple[Call, Part]:
        call = await open_call(
            self._context,
            self._subnet,
            miner,
            task,
            bill=bill,
            first_part_s=self._first_part_s,
            answer_s=self._answer_s,
        )
        try:
            return call, await anext(call)
        except StopAsyncIteration as error:
            await call.aclose()
            raise CallBroken("The answer is empty.") from error
        except BaseException:
            await call.aclose()
            raise

    def _open_view(self, call: Call, task: Message) -> TaskView:
        view = TaskView(
            id=request_digest(call.request.head).hex(),
            kind="user",
            miner=call.request.head.to,
            state="running",
            created_at_ms=self._now_ms(),
            preview=self._subnet.describe(task),
            asker=self._context.hotkey,
        )
        self._record(view)
        return view

    def _close_view(self, view: TaskView, call: Call, task: Message, code: Code) -> None:
        self.counts[f"door.call.{code.name.lower()}"] += 1
        self._record(
            replace(
                view,
                state="done" if code is Code.OK else "failed",
                latency_ms=call.elapsed_ms,
                tokens=0 if call.answer is None else call.answer.usage.completion_tokens,
                code="" if code is Code.OK else code.name,
                preview=self._subnet.preview(call.parts) or view.preview,
            )
        )
        if call.answer is not None and call.receipt is not None:
            name = request_digest(call.request.head)
            self._reports.note(receipt_digest(call.receipt), name, task, call.answer, call.paid_rao)
            self._finished(Exchange(name, task, call.answer, call.receipt, call.paid_rao))


def _ceiling(route: AnyRoute, task: Message) -> Usage | None:
    return None if route.quote is None else route.quote(task)


def code_of_failure(error: MarketError) -> Code:
    """How a failed call is written down."""
    match error:
        case CallRefused():
            return error.refusal
        case CallTimeout():
            return Code.TIMEOUT
        case ForgedAnswer():
            return Code.FORGED
        case Unreachable():
            return Code.UNREACHABLE
        case OverClaimed():
            return Code.OVERCLAIM
        case InsufficientBudget() | SpendingLimit():
            return Code.UNPAID
        case _:
            return Code.WRONG
