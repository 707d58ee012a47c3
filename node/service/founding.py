"""Founding a network: the genesis of a local devnet with one subnet or a few, and the wallets of its nodes.

Devnet numbers are small where waiting is the only cost (slots, tempo, rate limits) and real everywhere else. Its keys
are stored without a password: a devnet's τ is worth nothing, and its wallets must never be used elsewhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.ledger.genesis import Balance, GenesisNeuron, GenesisSpec, GenesisStake, GenesisSubnet
from node.ledger.parameters import Hyperparameters, Parameters
from node.primitives.limits import SENATE_MAX, TRIUMVIRATE_MAX
from node.primitives.types import RAO_PER_TAO, AccountId, Alpha, NetUid, Rao

TEXT_NETUID: Final = NetUid(1)
TEXT_SUBNET: Final = "nineteen"

_BALANCE_RAO: Final = Rao(10_000 * RAO_PER_TAO)
_POOL_RAO: Final = Rao(100_000 * RAO_PER_TAO)
_POOL_ALPHA: Final = Alpha(100_000 * RAO_PER_TAO)
_VALIDATOR_ALPHA: Final = Alpha(5_000 * RAO_PER_TAO)  # five times what a validator needs
_BURN_RAO: Final = Rao(RAO_PER_TAO // 10)
_RATE_LIMIT_BLOCKS: Final = 5
_IMMUNITY_BLOCKS: Final = 100
_VOTING_BLOCKS: Final = 60
_DISPUTE_BLOCKS: Final = 60
_UNBONDING_BLOCKS: Final = 600
_EVIDENCE_AGE_BLOCKS: Final = 500
_POS_LEAD_EPOCHS: Final = 2
_POS_JOINT_EPOCHS: Final = 2  # the whole move to proof of stake can be watched in a few minutes
_BOND_MIN_RAO: Final = Rao(100 * RAO_PER_TAO)
_FREEZE_BLOCKS: Final = 2  # the usual ten would be most of a devnet's tempo


@dataclass(frozen=True, slots=True)
class Founder:
    """The two public keys of one founding node."""

    coldkey: AccountId
    hotkey: AccountId


def devnet_genesis(
    name: str,
    authorities: Sequence[Founder],
    others: Sequence[Founder],
    *,
    start_ms: int,
    slot_ms: int,
    tempo: int,
    epoch_slots: int = 30,
    subnets: Sequence[str] = (TEXT_SUBNET,),
) -> GenesisSpec:
    """Return the genesis in which `authorities` produce blocks and validate, and everybody has τ to begin with.

    `subnets` are names of rules; they take the seats 1, 2, … and the first authority owns them. `others` hold balances
    and nothing else: they register by transaction.
    """
    netuids = tuple(map(NetUid, range(TEXT_NETUID, TEXT_NETUID + len(subnets))))
    return GenesisSpec(
        name=name,
        start_ms=start_ms,
        slot_ms=slot_ms,
        epoch_slots=epoch_slots,
        authorities=tuple(each.hotkey for each in authorities),
        balances=tuple(Balance(each.coldkey, _BALANCE_RAO) for each in (*authorities, *others)),
        subnets=tuple(_subnet(*each, authorities, tempo) for each in zip(netuids, subnets, strict=True)),
        stakes=tuple(
            GenesisStake(each.coldkey, each.hotkey, netuid, _VALIDATOR_ALPHA)
            for netuid in netuids
            for each in authorities
        ),
        parameters=_parameters(),
        triumvirate=tuple(each.coldkey for each in authorities[:TRIUMVIRATE_MAX]),
        senate=tuple(each.hotkey for each in authorities[:SENATE_MAX]),
    )


def _subnet(netuid: NetUid, name: str, authorities: Sequence[Founder], tempo: int) -> GenesisSubnet:
    owner = authorities[0]
    return GenesisSubnet(
        netuid=netuid,
        name=name,
        owner_hotkey=owner.hotkey,
        owner_coldkey=owner.coldkey,
        pool_tao_rao=_POOL_RAO,
        pool_alpha=_POOL_ALPHA,
        hyperparameters=Hyperparameters(
            tempo_blocks=tempo,
            immunity_blocks=_IMMUNITY_BLOCKS,
            weights_rate_limit_blocks=min(_RATE_LIMIT_BLOCKS, tempo),
            serving_rate_limit_blocks=_RATE_LIMIT_BLOCKS,
            burn_start_rao=_BURN_RAO,
            commit_reveal=False,  # weights count in the epoch they are made in: a demonstration shows them sooner
        ),
        neurons=tuple(GenesisNeuron(each.hotkey, each.coldkey, validator_permit=True) for each in authorities[1:]),
    )


def _parameters() -> Parameters:
    """A devnet may have one authority and replace all of them at once, and its decisions take a minute."""
    return Parameters(
        proposal_duration_blocks=_VOTING_BLOCKS,
        authorities_min=1,
        authority_change_bounded=False,
        unbonding_blocks=_UNBONDING_BLOCKS,
        evidence_age_blocks=_EVIDENCE_AGE_BLOCKS,
        pos_lead_epochs=_POS_LEAD_EPOCHS,
        pos_joint_epochs_min=_POS_JOINT_EPOCHS,
        validator_bond_min_rao=_BOND_MIN_RAO,
        channel_dispute_blocks=_DISPUTE_BLOCKS,
        admin_freeze_blocks=_FREEZE_BLOCKS,
        network_rate_limit_blocks=_RATE_LIMIT_BLOCKS,
    )
