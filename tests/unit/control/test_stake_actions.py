"""Promises of moves of stake: both pools are shown, a limit is in the call or checked here, nonsense is refused."""

from dataclasses import replace

import pytest

from node.control.actions import (
    MoveIntent,
    StakeIntent,
    SwapIntent,
    TransferStakeIntent,
    UnstakeAllIntent,
    UnstakeIntent,
    prepare,
    sign,
)
from node.control.errors import ActionRefused, RemoteError
from node.control.schema import Account, ErrorView, ExchangeQuote, Quote, Stake, TransactionPreview
from node.ledger import calls
from node.primitives.address import from_ss58
from node.primitives.errors import AddressError
from node.primitives.types import Alpha, NetUid
from tests.unit.control.fake import ALICE, BOB, TAO, FakeApi
from tests.unit.control.test_actions import SENDER, SIGNER, value

NET1, NET2 = NetUid(1), NetUid(2)


class Market(FakeApi):
    """Positions on three places, and pools whose answers a test may change."""

    def __init__(self) -> None:
        super().__init__()
        self.exchange: ExchangeQuote | None = None
        self.stakes = [
            Stake(1, BOB, 20 * TAO, TAO // 4, 5 * TAO),
            Stake(2, BOB, 8 * TAO, TAO // 2, 4 * TAO),
            Stake(0, BOB, 3 * TAO, TAO, 3 * TAO),
        ]
        self.unstakes: dict[int, Quote | Exception] = {}

    async def account(self, address: str) -> Account:
        account = await super().account(address)
        return Account(
            account.address, 120, account.balance_rao, account.nonce, tuple(self.stakes),
            sum(each.value_rao for each in self.stakes),
        )  # fmt: skip

    async def quote_exchange(
        self, origin_netuid: int, destination_netuid: int, amount_alpha: int, tolerance_ppm: int
    ) -> ExchangeQuote:
        quote = await super().quote_exchange(origin_netuid, destination_netuid, amount_alpha, tolerance_ppm)
        return quote if self.exchange is None else self.exchange

    async def quote_unstake(self, netuid: int, amount_alpha: int) -> Quote:
        self._note("quote_unstake", netuid, amount_alpha)
        found = self.unstakes.get(netuid)
        if isinstance(found, Exception):
            raise found
        return found or Quote(netuid, "unstake", 120, amount_alpha // 4, amount_alpha, 5, TAO // 4, TAO // 4 - 1, 20)


@pytest.fixture
def api() -> Market:
    return Market()


async def test_a_swap_carries_its_limit_and_tells_what_both_pools_do(api: Market) -> None:
    draft = await prepare(api, SwapIntent(BOB, 1, 2, 5 * TAO, 20_000), SENDER)
    quote = await api.quote_exchange(1, 2, 5 * TAO, 20_000)
    assert draft.call == calls.SwapStakeLimit(from_ss58(BOB), NET1, NET2, Alpha(5 * TAO), quote.limit_rate, False)
    assert quote.limit_rate >= quote.rate * 98 // 100
    for label in ("give", "get about", "price on 1", "price on 2", "price impact", "rate limit", "stake left behind"):
        assert value(draft, label)
    assert value(draft, "stake left behind") == "15 α"
    assert (draft.pays_rao, draft.gets_rao, draft.worth_rao) == (0, 0, quote.tao_rao)
    assert draft.refusal is None
    sign(draft, SIGNER)


async def test_a_swap_beyond_its_limit_names_what_fits_and_a_partial_one_is_quoted_for_that(api: Market) -> None:
    draft = await prepare(api, SwapIntent(BOB, 1, 2, 20 * TAO, 1_000), SENDER)
    assert draft.refusal is not None
    assert "At most 3.549" in draft.refusal.message
    with pytest.raises(ActionRefused):
        sign(draft, SIGNER)
    partly = await prepare(api, SwapIntent(BOB, 1, 2, 20 * TAO, 1_000, allow_partial=True), SENDER)
    assert partly.refusal is None
    assert "what fits the limit" in value(partly, "give")
    assert isinstance(partly.call, calls.SwapStakeLimit)
    assert (partly.call.amount_alpha, partly.call.allow_partial) == (20 * TAO, True)
    assert partly.gets_alpha < draft.gets_alpha


async def test_a_move_within_a_subnet_asks_no_pool(api: Market) -> None:
    draft = await prepare(api, MoveIntent(BOB, ALICE, 1, 1, 5 * TAO), SENDER)
    assert draft.call == calls.MoveStake(from_ss58(BOB), from_ss58(ALICE), NET1, NET1, Alpha(5 * TAO))
    assert "none" in value(draft, "price impact")
    assert draft.worth_rao == 5 * TAO // 4
    assert "quote_exchange" not in [name for name, _ in api.calls]
    assert draft.warnings == ()


async def test_a_call_without_a_limit_is_held_to_it_here_and_says_so(api: Market) -> None:
    wide = await prepare(api, MoveIntent(BOB, ALICE, 1, 2, 5 * TAO, 20_000), SENDER)
    assert wide.refusal is None
    assert any("no limit" in warning for warning in wide.warnings)
    tight = await prepare(api, MoveIntent(BOB, ALICE, 1, 2, 5 * TAO, 100), SENDER)
    assert tight.refusal is not None


async def test_stake_can_be_given_to_another_coldkey(api: Market) -> None:
    draft = await prepare(api, TransferStakeIntent(ALICE, BOB, 1, 1, 20 * TAO), SENDER)
    assert draft.call == calls.TransferStake(from_ss58(ALICE), from_ss58(BOB), NET1, NET1, Alpha(20 * TAO))
    assert value(draft, "stake left behind") == "0 α"
    assert (draft.gets_alpha, draft.worth_rao) == (0, 5 * TAO)


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        (SwapIntent(BOB, 1, 1, TAO), "same"),
        (MoveIntent(BOB, BOB, 1, 1, TAO), "same"),
        (TransferStakeIntent(SENDER, BOB, 1, 1, TAO), "same account"),
        (SwapIntent(BOB, 1, 2, 21 * TAO, 500_000), "Only 20 α"),
        (MoveIntent(ALICE, BOB, 1, 1, TAO), "Only 0 α"),
        (TransferStakeIntent(ALICE, BOB, 0, 0, 4 * TAO), "Only 3 τ"),
        (UnstakeIntent(1, BOB, 21 * TAO, 500_000), "Only 20 α"),
        (UnstakeAllIntent(ALICE), "nothing"),
    ],
)
async def test_what_cannot_be_is_refused_before_the_chain_is_asked(
    api: Market, intent: SwapIntent | MoveIntent | TransferStakeIntent | UnstakeAllIntent, words: str
) -> None:
    draft = await prepare(api, intent, SENDER)
    assert draft.refusal is not None
    assert words in draft.refusal.message
    assert "tx_preview" not in [name for name, _ in api.calls]


async def test_what_the_next_block_would_refuse_cannot_be_signed(api: Market) -> None:
    api.preview = TransactionPreview(False, error=ErrorView("x", "Nobody has registered that hotkey.", "Name one."))
    for intent in (
        StakeIntent(1, BOB, TAO, 500_000), SwapIntent(BOB, 1, 2, TAO), UnstakeIntent(1, BOB, TAO, 500_000),
        MoveIntent(BOB, ALICE, 1, 1, TAO), UnstakeAllIntent(BOB),
    ):  # fmt: skip
        draft = await prepare(api, intent, SENDER)
        assert draft.refusal is not None
        assert "Nobody has registered that hotkey. Name one." in draft.refusal.message
        with pytest.raises(ActionRefused):
            sign(draft, SIGNER)


async def test_no_address_is_told_as_such(api: Market) -> None:
    with pytest.raises(AddressError):
        await prepare(api, MoveIntent(BOB, "5nonsense", 1, 1, TAO), SENDER)


async def test_a_rate_that_cannot_be_limited_is_refused(api: Market) -> None:
    quote = await FakeApi().quote_exchange(1, 2, TAO, 10_000)
    api.exchange = ExchangeQuote(
        1, 2, 120, TAO, quote.tao_rao, quote.gets_alpha, 1, 0, 0, None, 1, 1, TAO, TAO, quote.impact_ppm
    )
    draft = await prepare(api, SwapIntent(BOB, 1, 2, TAO), SENDER)
    assert draft.refusal is not None
    assert "no limit" in draft.refusal.message


async def test_unstaking_all_adds_up_every_position_and_tells_which_stays(api: Market) -> None:
    api.unstakes[2] = RemoteError(ErrorView("insufficient_liquidity", "The pool is empty."))
    draft = await prepare(api, UnstakeAllIntent(BOB), SENDER)
    assert draft.call == calls.UnstakeAll(from_ss58(BOB))
    assert value(draft, "subnet 2") == "8 α stays: The pool is empty."
    assert draft.gets_rao == 20 * TAO // 4 + 3 * TAO // 4
    to_root = await prepare(api, UnstakeAllIntent(BOB, to_root=True), SENDER)
    assert isinstance(to_root.call, calls.UnstakeAllAlpha)
    assert (to_root.gets_rao, to_root.gets_alpha) == (0, 20 * TAO // 4)


async def test_unstaking_all_stops_where_one_pool_is_too_small(api: Market) -> None:
    api.unstakes[2] = Quote(2, "unstake", 120, TAO, 8 * TAO, 5, TAO // 2, TAO // 4, 300_000)
    draft = await prepare(api, UnstakeAllIntent(BOB), SENDER)
    assert draft.refusal is not None
    assert "subnet 2" in draft.refusal.message
    wide = await prepare(api, replace(UnstakeAllIntent(BOB), tolerance_ppm=600_000), SENDER)
    assert wide.refusal is None
    assert any("moves the price" in warning for warning in wide.warnings)


async def test_a_partial_stake_tells_what_will_really_be_paid(api: Market) -> None:
    api.preview = TransactionPreview(True, ("StakeAdded",), free_change_rao=-3 * TAO)
    draft = await prepare(api, StakeIntent(1, BOB, 10 * TAO, 0, allow_partial=True), SENDER)
    assert draft.pays_rao == 3 * TAO
    assert "about 3 τ of 10 τ" in value(draft, "pay")
    assert draft.balance_after_rao == 100 * TAO - 3 * TAO - draft.fee_rao


async def test_nothing_is_bought_where_alpha_has_no_price(api: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    async def worthless(_netuid: int, amount_rao: int) -> Quote:
        return Quote(1, "stake", 120, amount_rao, 10**15, 0, 0, 0, 0)

    monkeypatch.setattr(api, "quote_stake", worthless)
    draft = await prepare(api, StakeIntent(1, BOB, TAO), SENDER)
    assert draft.refusal is not None
    assert "no price" in draft.refusal.message
