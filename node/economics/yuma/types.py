"""What an epoch reads and what it returns; every vector is indexed by uid.

Stored numbers are u16 (65 535 = 1) except emission (α rao) and flags.
"""

from dataclasses import dataclass

SparseRow = tuple[tuple[int, int], ...]
"""(uid, u16) pairs in ascending uid order; an explicit zero is kept."""


@dataclass(frozen=True, slots=True)
class EpochParams:
    """A subnet's hyperparameters as the epoch needs them; defaults are those of the rules."""

    kappa_u16: int = 32_767
    bonds_penalty_u16: int = 65_535
    bonds_moving_average_ppm: int = 900_000
    activity_cutoff_blocks: int = 5_000
    tempo_blocks: int = 360
    max_validators: int = 64
    stake_threshold_rao: int = 0
    yuma3: bool = True
    liquid_alpha: bool = False
    alpha_low_u16: int = 45_875
    alpha_high_u16: int = 58_982
    alpha_sigmoid_steepness: int = 1_000
    commit_reveal: bool = False


@dataclass(frozen=True, slots=True)
class EpochInput:
    """The state before an epoch."""

    params: EpochParams
    block: int
    emission_rao: int
    """α to share out: pending server + validator + root."""
    stake_q64: tuple[int, ...]
    """Total stake weight as I64F64 (`children.total_stake_weight`)."""
    validator_permits: tuple[bool, ...]
    """From the previous epoch."""
    last_update: tuple[int, ...]
    """Block of each uid's last weights, commit or registration."""
    block_at_registration: tuple[int, ...]
    weights: tuple[SparseRow, ...]
    bonds: tuple[SparseRow, ...]
    owner_uid: int | None = None
    last_mechanism_step: int = 0
    """Block of the last epoch, 0 if there was none."""
    oldest_commit: tuple[int | None, ...] = ()
    """Block of each uid's earliest unexpired commit, read only with commit-reveal on; () if nobody committed."""


@dataclass(frozen=True, slots=True)
class EpochOutput:
    """The state after an epoch."""

    stake_weight: tuple[int, ...]
    active: tuple[bool, ...]
    consensus: tuple[int, ...]
    rank: tuple[int, ...]
    trust: tuple[int, ...]
    incentive: tuple[int, ...]
    dividends: tuple[int, ...]
    validator_trust: tuple[int, ...]
    new_validator_permits: tuple[bool, ...]
    server_emission: tuple[int, ...]
    """α rao earned as a miner."""
    validator_emission: tuple[int, ...]
    """α rao earned as a validator, before parents and nominators."""
    emission: tuple[int, ...]
    """α rao of both; what pruning looks at."""
    pruning_score: tuple[int, ...]
    bonds: tuple[SparseRow, ...]
    """Bonds to store: rows of uids with a new permit, empty otherwise."""
