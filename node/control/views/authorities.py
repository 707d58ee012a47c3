"""Views of who produces and finalises, and of the way to proof of stake."""

from typing import Literal

from node.control.views.base import View

PosPhaseName = Literal["authorities", "joint", "stake"]


class AuthorityView(View, frozen=True):
    """A member of an authority set; `leads` is False for one that was convicted or lost its turns for a while."""

    hotkey: str
    weight: int
    stake_rao: int
    leads: bool = True
    convicted: bool = False


class NextAuthorities(View, frozen=True):
    """The set that follows. `announced_height` is None until a block has listed it; `enacted_epoch` is the earliest."""

    set_id: int
    members: tuple[AuthorityView, ...]
    announced_height: int | None
    enacted_epoch: int


class GuardView(View, frozen=True):
    """One condition of the next step towards stake: a count, or parts per million; at least or at most `needed`."""

    name: str
    needed: int
    present: int
    at_most: bool
    holds: bool


class PosPlan(View, frozen=True):
    """The scheduled move to proof of stake, while it is under way.

    `stake_epoch` is the first authority epoch that stake may decide alone.
    """

    activation_epoch: int
    stake_epoch: int
    guards: tuple[GuardView, ...]


class AuthorityBoard(View, frozen=True):
    """Who decides as of block `height`; `epoch` is the authority epoch, which ends in `slots_left` slots."""

    height: int
    set_id: int
    phase: PosPhaseName
    epoch: int
    slots_left: int
    members: tuple[AuthorityView, ...]
    next: NextAuthorities | None
    pos: PosPlan | None


class ProposalView(View, frozen=True):
    """An open proposal: the call it would make, who voted how, and what it needs.

    `threshold` yeses approve it; who has not voted by block `end_height` counts as a no. `closable` tells whether
    anybody can close it in the next block.
    """

    index: int
    hash: str
    proposer: str
    call: str
    arguments: dict[str, str]
    threshold: int
    end_height: int
    ayes: tuple[str, ...]
    nays: tuple[str, ...]
    closable: bool
