"""A hundred thousand calls with any arguments that decode: refused by name or applied, never anything else."""

from collections import Counter
from random import Random
from typing import Final, cast

from msgspec import inspect

from node.ledger import invariants, queries
from node.ledger.calls import CALLS, Call, is_free
from node.ledger.transition import build_block
from node.primitives.types import Slot
from tests.unit.ledger.world import TAO, World, who

CALLS_TRIED: Final = 100_000
CALLS_PER_BLOCK: Final = 5  # few, as whoever is skipped once has gaps in the nonces until the next block
BLOCKS_PER_WORLD: Final = 16
ENDINGS_MIN: Final = 50
SIGNERS: Final = ("alice", "bob", "val", "owner", "mallory", "va", "owner-hot")
PEOPLE: Final = (*SIGNERS, "vb", "miner", "fresh")


class Maker:
    """Values of any type of a call's arguments: the ends of its range, small ones, and what exists in the network."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def call(self) -> Call:
        """Any call; every kind is as likely as any other."""
        kind = self.random.choice(CALLS).kind
        return cast("Call", self.value(inspect.type_info(kind)))

    def value(self, kind: inspect.Type) -> object:
        """Any value of a type."""
        match kind:
            case inspect.BoolType():
                return self.random.random() < 0.5
            case inspect.IntType():
                return self.number(kind.ge or 0, kind.le if kind.le is not None else (1 << 64) - 1)
            case inspect.BytesType():
                return self.octets(kind.min_length or 0, kind.max_length)
            case inspect.StrType():
                return "é" * self.length(kind.min_length or 0, kind.max_length)
            case inspect.EnumType():
                return self.random.choice(list(kind.cls))
            case inspect.UnionType():
                return self.value(self.random.choice(kind.types))
            case inspect.NoneType():
                return None
            case inspect.VarTupleType():
                return tuple(
                    self.value(kind.item_type) for _ in range(self.length(kind.min_length or 0, kind.max_length))
                )
            case inspect.TupleType():
                return tuple(self.value(each) for each in kind.item_types)
            case inspect.StructType():
                return kind.cls(**{field.name: self.value(field.type) for field in kind.fields})
            case inspect.Metadata():
                return self.value(kind.type)
            case inspect.CustomType() | inspect.LiteralType() | _:
                raise AssertionError(f"no values for {kind}")

    def number(self, least: int, most: int) -> int:
        """One of the ends, a small number, or one of any size."""
        size = self.random.randrange(max(1, (most - least).bit_length()) + 1)
        near = (least, least + 1, least + 1, least + self.random.getrandbits(3))
        far = (most, most - 1, least + self.random.getrandbits(size), self.random.randrange(1, 200) * TAO)
        return min(most, max(least, self.random.choice(near + far)))

    def octets(self, least: int, most: int | None) -> bytes:
        """Mostly an account that exists, where one fits."""
        if least == 32 and self.random.random() < 0.9:
            return who(self.random.choice(PEOPLE))
        return self.random.randbytes(self.length(least, most))

    def length(self, least: int, most: int | None) -> int:
        """Mostly short."""
        return min(most if most is not None else 8, least + self.random.choice((0, 1, 1, 2, 3, 5)))


def test_a_hundred_thousand_random_calls_end_in_a_receipt_or_a_named_refusal_and_keep_every_sum() -> None:
    maker = Maker(seed=20)
    tried: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    while tried.total() < CALLS_TRIED:
        world = World()  # anew, or announced coldkey swaps would soon have frozen everybody
        for _ in range(BLOCKS_PER_WORLD):
            calls = [(maker.random.choice(SIGNERS), maker.call()) for _ in range(CALLS_PER_BLOCK)]
            tried.update(type(call).__name__ for _, call in calls)
            ended += apply(world, calls)
            invariants.check(world.state.view)
    assert set(tried) == {spec.kind.__name__ for spec in CALLS}
    assert ended["applied"] > CALLS_TRIED // 50
    assert len(ended) > ENDINGS_MIN


def apply(world: World, calls: list[tuple[str, Call]]) -> Counter[str]:
    """Put a block of these calls on the world's head; how each of them ended."""
    nonces: dict[str, int] = {}
    raws: list[bytes] = []
    for by, call in calls:
        nonce = nonces.get(by, queries.nonce(world.state.view, who(by)))
        raws.append(world.sign(by, call, nonce=nonce))
        nonces[by] = nonce + (not is_free(call))
    slot = Slot(world.state.slot + 1)
    draft = build_block(
        world.state, slot, who("authority0"), raws, world.genesis_hash, verify=lambda *_: True, enact=True
    )
    _, executed = draft.seal(bytes(64))
    world.state = executed.state
    ended = Counter(receipt.error_code or "applied" for receipt in executed.receipts)
    ended.update(skipped.error_code for skipped in draft.skipped)
    assert ended.total() == len(calls)
    return ended
