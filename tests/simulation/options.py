"""What one seed's run is made of: every fault is drawn on or off, so that rare combinations come up too.

`Options.drawn` is the whole of it: same seed, same options, in any process. They print as one line of JSON, which
`python -m tests.simulation.long --replay` takes back.
"""

import random
from typing import Final, Literal

import msgspec

from node.primitives.errors import DecodeError

Mode = Literal["liveness", "safety", "control"]
Cut = Literal["halves", "several", "one way", "one off", "twins"]
Ambush = Literal["decider", "locker", "proposer", "blackout"]
Lie = Literal["equivocate", "withhold", "invent", "usurp"]

CUTS: Final[tuple[Cut, ...]] = ("halves", "several", "one way", "one off")
AMBUSHES: Final[tuple[Ambush, ...]] = ("decider", "locker", "proposer", "blackout")
LIES: Final[tuple[Lie, ...]] = ("equivocate", "withhold", "invent", "usurp")
SLOT_MS: Final = 12_000  # the public network's


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Percentages are of messages, times in ms of the network's clock, chances a slot and node in permille.

    Mode "liveness" heals now and then and demands finality; "safety" lets clocks differ by more than the rules bear and
    demands only safety; "control" has one twin too many and must break.
    """

    seed: int
    mode: Mode
    count: int
    slots: int
    slot_ms: int = SLOT_MS
    twins: int = 0
    lies: tuple[Lie, ...] = ()
    followers: int = 0
    late_followers: int = 0
    spammers: int = 0
    drop_percent: int = 0
    duplicate_percent: int = 0
    delay_ms_mean: int = 50
    slow_nodes: int = 0
    cuts: tuple[Cut, ...] = ()
    ambushes: tuple[Ambush, ...] = ()
    skew_ms_max: int = 0
    drift_ms_per_slot: int = 0
    kill_permille: int = 0
    power_permille: int = 0
    disk_full_permille: int = 0
    all_at_once: bool = False
    epoch_blocks: int = 0
    handover: bool = False
    validators: int = 0
    liars_stop_at_heal: bool = False

    @classmethod
    def drawn(cls, seed: int, mode: Mode, count: int, slots: int) -> "Options":
        """Draw everything that this mode leaves open."""
        chance = random.Random(f"options {seed} {mode} {count}")

        def some(*values: int) -> int:
            """Half of the seeds go without."""
            return chance.choice(values) if chance.random() < 0.5 else 0

        faulty_max = (count - 1) // 3
        if mode == "control":  # nothing but the adversary: what stands in its way only hides it
            return cls(
                seed=seed, mode=mode, count=count, slots=slots, twins=faulty_max + 1, duplicate_percent=some(2, 10),
                drop_percent=some(1, 2), delay_ms_mean=chance.choice((20, 100, 400)), kill_permille=some(2, 10),
            )  # fmt: skip
        twins = faulty_max if chance.random() < 0.5 else chance.randint(0, faulty_max)
        lies = chance.randint(0, faulty_max - twins)
        epoch_blocks = some(3, 8, 20)
        handover = epoch_blocks > 0 and chance.random() < 0.6
        skews = (SLOT_MS // 2,) if mode == "safety" else (SLOT_MS // 16, SLOT_MS // 8, SLOT_MS // 4)
        return cls(
            seed=seed, mode=mode, count=count, slots=slots, twins=twins,
            lies=tuple(chance.choice(LIES) for _ in range(lies)),
            followers=some(1), late_followers=some(1), spammers=some(1),
            drop_percent=some(1, 2, 5, 15), duplicate_percent=some(2, 10),
            delay_ms_mean=chance.choice((20, 100, 400, 1500)), slow_nodes=some(1),
            cuts=tuple(cut for cut in CUTS if chance.random() < 0.5),
            ambushes=tuple(ambush for ambush in AMBUSHES if chance.random() < 0.5),
            skew_ms_max=some(*skews), drift_ms_per_slot=some(1, 20),
            kill_permille=some(2, 10, 40), power_permille=some(2, 10, 40), disk_full_permille=some(2, 10),
            all_at_once=chance.random() < 0.3, epoch_blocks=epoch_blocks,
            handover=handover, validators=2 if handover and chance.random() < 0.5 else 0,
            liars_stop_at_heal=chance.random() < 0.5,
        )  # fmt: skip

    def line(self) -> str:
        """Return the options as one line of JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of_line(cls, line: str | bytes) -> "Options":
        """Return the options of a line; DecodeError where it is none."""
        try:
            return msgspec.json.decode(line, type=cls)
        except msgspec.MsgspecError as error:
            raise DecodeError(f"These are no options of a simulation: {error}.") from error
