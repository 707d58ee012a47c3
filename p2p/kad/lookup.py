"""One search for the peers nearest to a key, step by step, as a pure state: whom to ask next, and what answers mean.

Believes nobody: a peer counts once it has answered itself. Who tells peers of whom none answers is asked last about
whom to ask, so that a liar with ever nearer inventions costs a search a few attempts and not its goal.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from p2p import limits
from p2p.addresses import TcpAddress
from p2p.kad.table import key_of

Told = Mapping[str, tuple[TcpAddress, ...]]
"""Peers and where they are said to be."""

OURSELVES = ""
"""The teller of what this node knows itself."""


@dataclass(slots=True)
class Candidate:
    """A peer somebody told of, with who told which address."""

    peer_id: str
    distance: int
    tellers: dict[TcpAddress, set[str]] = field(default_factory=dict)
    tried: set[TcpAddress] = field(default_factory=set)
    tries: int = 0
    state: Literal["new", "asked", "answered", "failed"] = "new"

    @property
    def told_by(self) -> set[str]:
        """Everybody who told of this peer."""
        return set().union(*self.tellers.values()) if self.tellers else set()


class Lookup:
    """A search for `key`; `own_peer_id` is never asked, `target` is the peer looked for, if it is one."""

    def __init__(self, key: int, own_peer_id: str, target: str | None = None) -> None:
        self._key = key
        self._own_peer_id = own_peer_id
        self._target = target
        self._candidates: dict[str, Candidate] = {}
        self._told_good: Counter[str] = Counter()
        self._told_dead: Counter[str] = Counter()
        self.asked = 0
        self.answers = 0

    def learn(self, teller: str, told: Told) -> None:
        """Take in what `teller` said; at most a bucket of peers, each with a few addresses."""
        for peer_id, addresses in list(told.items())[: limits.KAD_ANSWER_PEERS_USED]:
            candidate = self._candidates.get(peer_id)
            if candidate is None:
                if peer_id == self._own_peer_id or len(self._candidates) >= limits.KAD_CANDIDATES_MAX:
                    continue
                candidate = self._candidates[peer_id] = Candidate(peer_id, key_of(peer_id) ^ self._key)
            for address in addresses[: limits.KAD_ADDRESSES_TOLD]:
                self._add_address(candidate, address, teller)

    def next(self) -> tuple[str, tuple[TcpAddress, ...]] | None:
        """Whom to ask now and where it may be; None while nobody is left to ask, or answers are awaited."""
        if self.asked >= limits.KAD_QUERIES_MAX:
            return None
        for candidate in self._nearest():
            if candidate.state == "new":
                break
        else:
            return None
        candidate.state = "asked"
        candidate.tries += 1
        self.asked += 1
        fresh = [address for address in self._ranked(candidate) if address not in candidate.tried]
        addresses = tuple(fresh[: limits.KAD_ADDRESSES_TRIED])
        candidate.tried.update(addresses)
        return candidate.peer_id, addresses

    def answered(self, peer_id: str, told: Told) -> None:
        """A peer answered, and told of others."""
        candidate = self._candidates[peer_id]
        candidate.state = "answered"
        self.answers += 1
        for teller in candidate.told_by:
            self._told_good[teller] += 1
        self.learn(peer_id, told)

    def failed(self, peer_id: str, *, is_dead: bool = True) -> None:
        """A peer did not answer; another address of it, told now or later, is worth another try.

        Without `is_dead` it is there and does not help: nobody is to blame who told of it.
        """
        candidate = self._candidates[peer_id]
        candidate.state = "new" if is_dead and self._has_another_way(candidate) else "failed"
        if is_dead and candidate.state == "failed":
            for teller in candidate.told_by:
                self._told_dead[teller] += 1

    @property
    def answered_by(self) -> tuple[str, ...]:
        """The peers that answered, nearest first."""
        answered = (each for each in self._candidates.values() if each.state == "answered")
        return tuple(each.peer_id for each in sorted(answered, key=lambda each: each.distance))

    @property
    def target_addresses(self) -> tuple[TcpAddress, ...]:
        """Where the target is said to be, what most tell first."""
        candidate = self._candidates.get(self._target or "")
        return () if candidate is None else self._ranked(candidate)

    def liars(self) -> tuple[str, ...]:
        """Who told of several peers of whom none answered, while others in this search did: hardly by mistake."""
        if self.answers <= 1:
            return ()
        return tuple(
            teller
            for teller, dead in self._told_dead.items()
            if teller != OURSELVES and dead >= limits.KAD_DOUBT_AFTER and not self._told_good[teller]
        )

    def _nearest(self) -> list[Candidate]:
        """The target, and the bucket of peers nearest to the key that may still count, those of doubtful tellers
        last."""
        alive = (each for each in self._candidates.values() if each.state != "failed")
        ordered = sorted(alive, key=lambda each: (self._is_doubtful(each), each.distance))
        return ordered[: limits.KAD_BUCKET_PEERS]

    def _is_doubtful(self, candidate: Candidate) -> bool:
        if candidate.state == "answered":
            return False
        tellers = candidate.told_by
        return bool(tellers) and all(
            self._told_dead[teller] >= limits.KAD_DOUBT_AFTER and not self._told_good[teller] for teller in tellers
        )

    def _ranked(self, candidate: Candidate) -> tuple[TcpAddress, ...]:
        """Its addresses, those of most tellers first; what this node knows itself leads."""
        tellers = candidate.tellers
        order = sorted(tellers, key=lambda address: (OURSELVES not in tellers[address], -len(tellers[address])))
        return tuple(order)

    def _has_another_way(self, candidate: Candidate) -> bool:
        return candidate.tries < limits.KAD_TRIES_MAX and any(a not in candidate.tried for a in candidate.tellers)

    def _add_address(self, candidate: Candidate, address: TcpAddress, teller: str) -> None:
        if address not in candidate.tellers and len(candidate.tellers) >= limits.KAD_ADDRESSES_CLAIMED_MAX:
            return
        candidate.tellers.setdefault(address, set()).add(teller)
        if candidate.state == "failed" and self._has_another_way(candidate):
            candidate.state = "new"
