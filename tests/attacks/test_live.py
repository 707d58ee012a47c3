"""Attacks against a live daemon, an honest neighbour beside it; all of them: `python -m tests.attacks.table`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks import arena, page, victims
from tests.attacks.book import BOOK
from tests.attacks.victims import Honest, Victim
from tests.unit.models.synthetic import tiny_bundle

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# The ones that found something once, and one of each kind; all 53 take six minutes.
RUN = (
    "A1", "A2", "A3", "A4", "A5", "A6", "A10", "gossip-subscriptions", "gossip-garbage", "conn-random", "conn-syns",
    "conn-two-places", "mux-rapid-reset", "bombs", "frame-claims", "poison-self", "chain-blocks",
)  # fmt: skip
MEMORY_MB_MAX = 60
"""What all of them together may leave behind: buffers of the allocator, caches of gossip and blocks."""
TASKS_MAX = 60
"""The same of tasks: connections of the last attack that are just going."""
KNOCKS_MAX = 30
SLOWEST_MS = 4000  # machines of tests are slow and shared; an honest peer gives up at 5 s


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Victim, Honest]]:
    folder = tmp_path_factory.mktemp("attacks")
    model = str(tiny_bundle(tmp_path_factory.mktemp("model")))
    with victims.our_victim(folder, model) as victim, victims.honest_neighbour(victim, folder / "honest") as honest:
        victim.protocols = arena.served_by(victim)
        yield victim, honest


def test_no_attack_stops_the_daemon_or_keeps_honest_peers_from_being_served(scene: tuple[Victim, Honest]) -> None:
    victim, honest = scene
    before = victim.usage()
    for name in RUN:
        seen = arena.run(BOOK[name], victim, honest)
        told = page.line(page.seen(seen))
        assert seen.alive, told
        assert seen.honest_served, told
        assert seen.service.worst_ms < SLOWEST_MS, told
        assert seen.newcomer, told
        assert seen.banned or seen.attack.fate != "banned", told
        assert not seen.attack.counters or set(seen.attack.counters) & set(seen.counted), told
        if name.startswith("poison"):
            assert seen.sent <= KNOCKS_MAX, told
    after = victim.usage()
    assert after.rss - before.rss < MEMORY_MB_MAX, (before, after)
    assert after.fds - before.fds < TASKS_MAX, (before, after)
    assert after.tasks - before.tasks < TASKS_MAX, (before, after)
    assert "Traceback" not in victim.log.read_text().replace("the check of topic", ""), "a peer can fill our log"


def test_the_page_has_a_row_for_every_attack() -> None:
    assert page.names_on_page() == list(BOOK)


def test_every_attack_of_the_list_is_in_the_book() -> None:
    assert set(RUN) <= set(BOOK)
    assert Path(page.PAGE).exists()
