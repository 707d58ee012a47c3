"""Channels and budget as the control API shows them, and what a person may have the node do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from node.control.views.money import BudgetView, ChannelBoard, ChannelState, ChannelView, DueView, Redeemed
from node.ledger import queries
from node.ledger.network_queries import ChannelInfo
from node.market.budget import Limits
from node.market.limits import CHANNEL_MARGIN_BLOCKS, DAY_S
from node.primitives.address import to_ss58
from node.primitives.types import AccountId, Hash, Height
from node.service.chain import now_ms
from node.service.errors import BadBudget, NoKey, NothingToRedeem
from node.service.payments_cashier import Cashier

if TYPE_CHECKING:
    from node.service.app import Running


class MoneyOfNode:
    """The money methods of `node.service.api.NodeApi`."""

    def _running(self) -> Running:
        raise NotImplementedError

    async def channels(self) -> ChannelBoard:
        """List the channels of this node's hotkey."""
        running = self._running()
        return await trio.to_thread.run_sync(channel_board, _cashier(running), running)

    async def channels_redeem(self, channel: str | None = None) -> Redeemed:
        """Bring vouchers to the chain. Raises NothingToRedeem, or as the ledger refuses."""
        running = self._running()
        return await redeem(_cashier(running), None if channel is None else Hash(bytes.fromhex(channel)))

    async def budget(self) -> BudgetView:
        """Tell what may be spent."""
        running = self._running()
        return budget_view(_cashier(running), running)

    async def budget_set(
        self, per_call_rao: int | None = None, per_day_rao: int | None = None, channel_rao: int | None = None
    ) -> BudgetView:
        """Change what may be spent. Raises BadBudget."""
        running = self._running()
        cashier = _cashier(running)
        old = cashier.money.payer.budget.limits
        limits = Limits(
            old.per_call_rao if per_call_rao is None else per_call_rao,
            old.per_day_rao if per_day_rao is None else per_day_rao,
            old.channel_rao if channel_rao is None else channel_rao,
        )
        if not limits.ok():
            raise BadBudget("A limit is more than all τ there is.")
        await cashier.set_limits(limits)
        return budget_view(cashier, running)


def channel_board(cashier: Cashier, running: Running) -> ChannelBoard:
    """Return every open channel from and to the node's hotkey, and those of its books that the chain has no more."""
    view = running.chain.head.executed.state.view
    parameters, height = queries.parameters(view), running.chain.head.height
    return ChannelBoard(
        account=to_ss58(cashier.account),
        balance_rao=queries.balance(view, cashier.account),
        height=height,
        dispute_blocks=parameters.channel_dispute_blocks,
        life_blocks=cashier.life_blocks(),
        smallest_rao=parameters.existential_deposit_rao,
        redeem_fee_rao=cashier.fee_rao(),
        problem=cashier.last_error,
        channels=(*_as_payee(cashier, height), *_as_payer(cashier, height)),
        dues=tuple(
            DueView(to_ss58(AccountId(each.account)), each.owed_rao, each.paid_rao, each.sent_rao)
            for each in cashier.dues.rows()
        ),
    )


def _as_payee(cashier: Cashier, height: Height) -> list[ChannelView]:
    held = {each.channel: each for each in cashier.money.till.held()}
    rows = []
    for info in cashier.channels.channels_to(cashier.account):
        mine = held.pop(info.channel, None)
        promised = info.redeemed_rao if mine is None else max(mine.voucher.cumulative_rao, info.redeemed_rao)
        due = 0 if mine is None else mine.spent_rao
        rows.append(
            ChannelView(
                info.channel.hex(), "payee", to_ss58(info.payer), _state(info, height), info.deposit_rao,
                info.redeemed_rao, promised, due, max(0, info.deposit_rao - promised), info.expires, info.closes,
            )
        )  # fmt: skip
    rows += [
        ChannelView(
            each.channel.hex(), "payee", to_ss58(each.payer), "gone", 0, 0, each.voucher.cumulative_rao,
            each.spent_rao, 0, 0,
        )
        for each in held.values()
    ]  # fmt: skip
    return rows


def _as_payer(cashier: Cashier, height: Height) -> list[ChannelView]:
    given = {each.channel: each for each in cashier.money.payer.given()}
    rows = []
    for info in cashier.channels.channels_from(cashier.account):
        mine = given.get(info.channel)
        promised = info.redeemed_rao if mine is None else max(mine.voucher.cumulative_rao, info.redeemed_rao)
        due = promised if mine is None else mine.used_rao
        rows.append(
            ChannelView(
                info.channel.hex(), "payer", to_ss58(info.payee), _state(info, height), info.deposit_rao,
                info.redeemed_rao, promised, due, max(0, info.deposit_rao - due), info.expires, info.closes,
            )
        )  # fmt: skip
    return rows


def _state(info: ChannelInfo, height: Height) -> ChannelState:
    if info.closes is not None:
        return "closing"
    return "ending" if info.expires < height + CHANNEL_MARGIN_BLOCKS else "open"


async def redeem(cashier: Cashier, channel: Hash | None) -> Redeemed:
    """Bring the voucher of a channel, or all that are over more than their fee, to the chain."""
    sent, amount = [], 0
    for held in cashier.money.till.held():
        info = None if channel not in (None, held.channel) else cashier.channels.channel(held.channel)
        owed = 0 if info is None else held.voucher.cumulative_rao - info.redeemed_rao
        if owed <= (cashier.fee_rao() if channel is None else 0):
            continue
        sent.append((await cashier.redeem(held)).hex())
        amount += owed
    if not sent:
        raise NothingToRedeem("No voucher is over more than what was paid already and what redeeming it costs.")
    return Redeemed(tuple(sent), amount)


def budget_view(cashier: Cashier, running: Running) -> BudgetView:
    """Return what the node may spend and has spent today."""
    budget = cashier.money.payer.budget
    budget.turn(now_ms())
    view = running.chain.head.executed.state.view
    return BudgetView(
        to_ss58(cashier.account), queries.balance(view, cashier.account), budget.limits.per_call_rao,
        budget.limits.per_day_rao, budget.limits.channel_rao, budget.used_rao, budget.reserved_rao,
        (budget.day + 1) * DAY_S * 1000,
    )  # fmt: skip


def _cashier(running: Running) -> Cashier:
    if running.cashier is None:
        raise NoKey("This node has no hotkey, so it can neither pay nor earn.")
    return running.cashier
