"""A signing record that may have forgotten something says nothing for two epochs; a foreign block starts that anew."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from node.consensus.slots import SlotClock
from node.consensus.votes import Step, Vote
from node.ledger.header import UNSIGNED, Header
from node.primitives.types import ZERO_HASH, Hash, Height, SetId, Slot
from node.service.doctor import signing_checks
from node.service.signer import GuardedSigner
from node.service.silence import SILENT_EPOCHS, YOUNG_SLOTS_MIN, Silence
from storage import SignGuard
from tests.unit.service.network import hotkey

EPOCH = 60
OLD = YOUNG_SLOTS_MIN + 1000
QUIET = SILENT_EPOCHS * EPOCH
KEY = hotkey(1)


class Clock:
    """A slot that the test sets."""

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def __call__(self) -> Slot:
        return Slot(self.slot)


def _header(slot: int) -> Header:
    return Header(
        1, Height(slot), Slot(slot), ZERO_HASH, KEY.public, ZERO_HASH, ZERO_HASH, SetId(0), ZERO_HASH, (), UNSIGNED
    )


def _signs(guard: SignGuard, silence: Silence, instance: int) -> bool:
    pen = GuardedSigner(KEY, guard, Hash(b"g" * 32), silence)
    vote = Vote(SetId(0), instance, 0, Step.PREVOTE, Height(1), Hash(b"b" * 32), KEY.public, UNSIGNED)
    sealed = pen.seal(_header(instance)) is not None
    voted = pen.sign(vote, None) is not None
    assert sealed == voted
    return voted


def test_a_new_record_in_an_old_network_is_silent_for_two_epochs(tmp_path: Path) -> None:
    clock = Clock(OLD)
    with SignGuard.open(tmp_path / "signing.db") as guard:
        silence = Silence(guard, EPOCH, clock)
        assert silence.until == OLD + QUIET
        assert not _signs(guard, silence, OLD)
        clock.slot += QUIET - 1
        assert not _signs(guard, silence, clock.slot)
        assert guard.position("vote") is None
        clock.slot += 1
        assert _signs(guard, silence, clock.slot)
        assert silence.until is None


def test_authorities_of_a_network_that_starts_sign_at_once(tmp_path: Path) -> None:
    with SignGuard.open(tmp_path / "signing.db") as guard:
        silence = Silence(guard, EPOCH, Clock(YOUNG_SLOTS_MIN - 1))
        assert _signs(guard, silence, 5)


@pytest.mark.parametrize("slow", [-1_000_000, 5, OLD - QUIET])
@pytest.mark.parametrize("copied", [False, True])
def test_a_clock_that_lags_behind_the_chain_does_not_shorten_the_silence(
    tmp_path: Path, slow: int, copied: bool
) -> None:
    """As after a start without a working clock, until the time comes over the network."""
    if copied:
        with SignGuard.open(tmp_path / "signing.db", host=b"elsewhere") as guard:
            guard.end_silence()
    clock = Clock(slow)
    with SignGuard.open(tmp_path / "signing.db", accept_copied_home=True) as guard:
        silence = Silence(guard, EPOCH, clock, reached=Slot(OLD))
        assert silence.until == OLD + QUIET
        clock.slot = OLD + QUIET - 1
        assert not _signs(guard, silence, clock.slot)


def test_silence_outlives_restarts_and_does_not_begin_anew(tmp_path: Path) -> None:
    with SignGuard.open(tmp_path / "signing.db") as guard:
        Silence(guard, EPOCH, Clock(OLD))
    with SignGuard.open(tmp_path / "signing.db") as guard:
        clock = Clock(OLD + 50)
        silence = Silence(guard, EPOCH, clock)
        assert silence.until == OLD + QUIET
        assert not _signs(guard, silence, clock.slot)
        clock.slot = OLD + QUIET
        assert _signs(guard, silence, clock.slot)
    with SignGuard.open(tmp_path / "signing.db") as guard:
        assert guard.owed_silence() is None
        assert _signs(guard, Silence(guard, EPOCH, clock), clock.slot + 1)


@pytest.mark.parametrize("slot", [3, OLD])
def test_an_accepted_copy_is_silent_however_young_the_network(tmp_path: Path, slot: int) -> None:
    with SignGuard.open(tmp_path / "signing.db") as guard:
        guard.end_silence()
        assert _signs(guard, Silence(guard, EPOCH, Clock(slot)), slot)
    copy = tmp_path / "copy.db"
    shutil.copy(tmp_path / "signing.db", copy)
    with SignGuard.open(copy, accept_copied_home=True) as guard:
        clock = Clock(slot + 1)
        silence = Silence(guard, EPOCH, clock)
        assert not _signs(guard, silence, slot + 1)
        clock.slot = slot + 1 + QUIET
        assert _signs(guard, silence, clock.slot)
    with SignGuard.open(copy, accept_copied_home=True) as guard:  # the option stays in somebody's script
        assert guard.owed_silence() is None


def test_a_block_that_this_home_did_not_sign_starts_the_silence_anew(tmp_path: Path) -> None:
    clock = Clock(OLD)
    with SignGuard.open(tmp_path / "signing.db") as guard:
        silence = Silence(guard, EPOCH, clock)
        silence.saw_block(_header(OLD + 30), None)
        assert silence.until == OLD + 30 + QUIET
        clock.slot = OLD + 30 + QUIET
        assert _signs(guard, silence, clock.slot)
        silence.saw_block(_header(clock.slot), clock.slot)  # one's own
        assert silence.until is None
        clock.slot += 10
        silence.saw_block(_header(clock.slot), clock.slot - 10)  # the original runs after all
        assert not _signs(guard, silence, clock.slot)
        assert guard.owed_silence() is not None


def test_old_blocks_of_the_key_found_while_catching_up_change_nothing(tmp_path: Path) -> None:
    with SignGuard.open(tmp_path / "signing.db") as guard:
        silence = Silence(guard, EPOCH, Clock(OLD))
        for slot in range(0, OLD, 100):
            silence.saw_block(_header(slot), None)
        assert silence.until == OLD + QUIET


def test_an_original_and_its_copy_never_sign_two_things_for_one_place(tmp_path: Path) -> None:
    """Both run; the copy was accepted by mistake. It sees the original's blocks and never says a word."""
    clock = Clock(OLD)
    signed: dict[tuple[str, int], str] = {}
    with SignGuard.open(tmp_path / "signing.db") as original:
        original.end_silence()
        first = Silence(original, EPOCH, clock)
        assert _signs(original, first, OLD)
        shutil.copy(tmp_path / "signing.db", tmp_path / "copy.db")
        with SignGuard.open(tmp_path / "copy.db", accept_copied_home=True) as copy:
            second = Silence(copy, EPOCH, clock)
            homes: dict[str, Callable[[], bool]] = {
                "original": lambda: _signs(original, first, clock.slot),
                "copy": lambda: _signs(copy, second, clock.slot),
            }
            for clock.slot in range(OLD + 1, OLD + 4 * QUIET):
                for name, sign in homes.items():
                    if sign():
                        assert signed.setdefault(("vote", clock.slot), name) == name
                if clock.slot % 7 == 0:  # now and then it is this key's turn to make a block
                    second.saw_block(_header(clock.slot), None)
    assert set(signed.values()) == {"original"}


def test_the_doctor_says_how_long_a_key_keeps_silent_and_nothing_of_one_that_signs(tmp_path: Path) -> None:
    slots, clock = SlotClock(0, 1000), Clock(OLD)
    with SignGuard.open(tmp_path / "signing.db") as guard:
        pen = GuardedSigner(KEY, guard, Hash(b"g" * 32), Silence(guard, EPOCH, clock))
        [row] = signing_checks(pen, slots)
        assert (row.name, row.state) == ("signing", "warn")
        assert f"slot {OLD + QUIET}" in row.found
        assert row.fix
        clock.slot += QUIET
        assert signing_checks(pen, slots) == []
        assert signing_checks(None, slots) == []
