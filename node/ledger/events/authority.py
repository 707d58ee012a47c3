"""Events of authority sets, bonds and slashing. See `node.ledger.events`."""

from node.primitives.codec import Wire
from node.primitives.types import AccountId, Hash, Height, Rao, SetId, Slot


class AuthoritiesScheduled(Wire, frozen=True, tag=82):
    """A new authority set was decided; it is announced by the first block of the next authority epoch."""

    set_id: SetId
    set_hash: Hash


class AuthoritiesAnnounced(Wire, frozen=True, tag=83):
    """This block's header lists the next authority set."""

    set_id: SetId
    set_hash: Hash


class AuthoritiesEnacted(Wire, frozen=True, tag=84):
    """From the next block on the new authority set produces and finalises."""

    set_id: SetId
    set_hash: Hash


class PosScheduled(Wire, frozen=True, tag=85):
    """The move to proof of stake has a date."""

    activation_epoch: int


class PosAborted(Wire, frozen=True, tag=86):
    """The move to proof of stake was taken back."""


class PosPostponed(Wire, frozen=True, tag=99):
    """A step towards proof of stake was due, and this guard did not hold: it is tried again next epoch."""

    guard: bytes


class PosAbortVoted(Wire, frozen=True, tag=100):
    """An authority voted to take the move to proof of stake back."""

    authority: AccountId


class AuthoritiesIdle(Wire, frozen=True, tag=101):
    """These authorities missed too many slots of the last epoch and lead none before slot `until`."""

    authorities: tuple[AccountId, ...]
    until: Slot


class AuthorityBonded(Wire, frozen=True, tag=87):
    """τ was locked as an authority's bond."""

    hotkey: AccountId
    amount_rao: Rao


class AuthorityUnbonded(Wire, frozen=True, tag=88):
    """A part of a bond was asked back; it can be withdrawn from block `due`."""

    hotkey: AccountId
    amount_rao: Rao
    due: Height


class UnbondedWithdrawn(Wire, frozen=True, tag=89):
    """A part of a bond went back to its owner."""

    hotkey: AccountId
    amount_rao: Rao


class AuthorityConvicted(Wire, frozen=True, tag=90):
    """Evidence against an authority was accepted; it is disabled from now on."""

    authority: AccountId
    offence: Hash
    reporter: AccountId


class BondSlashed(Wire, frozen=True, tag=91):
    """A part of a bond was taken: `reward_rao` of `slashed_rao` went to the reporter, the rest left the issuance."""

    authority: AccountId
    slashed_rao: Rao
    reward_rao: Rao


AuthorityEvent = (
    AuthoritiesScheduled
    | AuthoritiesAnnounced
    | AuthoritiesEnacted
    | PosScheduled
    | PosAborted
    | PosPostponed
    | PosAbortVoted
    | AuthoritiesIdle
    | AuthorityBonded
    | AuthorityUnbonded
    | UnbondedWithdrawn
    | AuthorityConvicted
    | BondSlashed
)
