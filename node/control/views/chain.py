"""Views of the chain and its economy: subnets, accounts, transactions, quotes."""

from typing import Literal

from node.control.views.base import ErrorView, TransactionState, View


class Parameter(View, frozen=True):
    """One hyperparameter of a subnet, as text with its unit."""

    name: str
    value: str
    unit: str = ""


class SubnetInfo(View, frozen=True):
    """One subnet. `price_rao`: τ price of one whole α. `pool_*`: reserves. `burn_rao`: price of a registration now."""

    netuid: int
    name: str
    owner: str
    started: bool
    price_rao: int
    pool_rao: int
    pool_alpha: int
    outstanding_alpha: int
    emission_rao_per_block: int
    tempo_blocks: int
    blocks_to_epoch: int
    neurons: int
    neurons_max: int
    burn_rao: int
    parameters: tuple[Parameter, ...] = ()


class Neuron(View, frozen=True):
    """One seat of a subnet. `stake_rao` is its stake weight, in α; `emission_alpha` is what the last epoch paid it."""

    uid: int
    hotkey: str
    coldkey: str
    peer_id: str
    addresses: tuple[str, ...]
    active: bool
    validator_permit: bool
    stake_rao: int
    stake_alpha: int
    incentive_u16: int
    dividends_u16: int
    consensus_u16: int
    validator_trust_u16: int
    emission_alpha: int
    last_update: int
    registered_at: int


class Metagraph(View, frozen=True):
    """All seats of one subnet in order of uid, as of block `height`."""

    netuid: int
    height: int
    neurons: tuple[Neuron, ...]


class Stake(View, frozen=True):
    """One position: `stake_alpha` of a coldkey with `hotkey` on `netuid`, worth `value_rao` at the current price.

    On root (netuid 0) the amount is τ: `stake_alpha` then counts rao.
    """

    netuid: int
    hotkey: str
    stake_alpha: int
    price_rao: int
    value_rao: int


class Account(View, frozen=True):
    """An account as of block `height`; `nonce` is the one its next transaction must carry, pending ones counted."""

    address: str
    height: int
    balance_rao: int
    nonce: int
    stakes: tuple[Stake, ...]
    stakes_value_rao: int


class TransactionContext(View, frozen=True):
    """What a signer must put into a transaction now.

    The era starts at `era_height` (block `era_hash`) and lasts `era_blocks`. The fee is
    `base_fee_rao + fee_rao_per_byte * size`.
    """

    network: str
    genesis_hash: str
    spec_version: int
    height: int
    era_height: int
    era_hash: str
    era_blocks: int
    base_fee_rao: int
    fee_rao_per_byte: int
    slot_ms: int


class Submitted(View, frozen=True):
    """The transaction is in this node's pool and on its way to others."""

    transaction_hash: str


class TransactionPreview(View, frozen=True):
    """What a call would do in the next block, fee apart: the names of its events, or why it would fail.

    `free_change_rao` is by how much the sender's balance would change; negative when it pays.
    """

    ok: bool
    events: tuple[str, ...] = ()
    error: ErrorView | None = None
    free_change_rao: int = 0


class TransactionStatus(View, frozen=True):
    """Where a transaction is. "failed": refused by the rules inside a block, or dropped from the pool; then `error`."""

    transaction_hash: str
    state: TransactionState
    height: int | None = None
    block_hash: str | None = None
    fee_rao: int | None = None
    error: ErrorView | None = None


class Quote(View, frozen=True):
    """What a stake or unstake would do to the pool now, computed by the ledger's own arithmetic at block `height`.

    Staking pays `tao_rao` (fee included) and gets `amount_alpha`; unstaking pays `amount_alpha` and gets `tao_rao`
    (fee deducted). Prices are τ for one whole α; `impact_ppm` compares the outcome with the price before the move.
    """

    netuid: int
    direction: Literal["stake", "unstake"]
    height: int
    tao_rao: int
    amount_alpha: int
    fee_rao: int
    price_before_rao: int
    price_after_rao: int
    impact_ppm: int
