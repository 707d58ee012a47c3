"""The rules: who is paid in the workbench, what a verdict follows from, and what an index is worth beside others'."""

import random
from dataclasses import replace
from pathlib import Path

import pytest

from node.market.errors import MalformedMessage
from node.primitives.codec import encode
from node.primitives.types import AccountId, Hash, Height, NetUid
from node.subnets.base import BlobRef, Code, Entry, Judged, Usage, Verdict, View
from node.subnets.data_universe import pay, scoring
from node.subnets.data_universe.draws import draw_question
from node.subnets.data_universe.entities import SOURCE_WEIGHTS, Bucket, Entity, Source
from node.subnets.data_universe.evidence import Finding
from node.subnets.data_universe.holdings import Holdings
from node.subnets.data_universe.index import BucketSize, pack_index
from node.subnets.data_universe.judging import check_proofs, verdict_of
from node.subnets.data_universe.ledger import Kept, indexes_of, jobs_of, reduce
from node.subnets.data_universe.messages import (
    INDEX_KIND,
    JOBS_KIND,
    DataTask,
    IndexNote,
    JobsNote,
    LookupAsk,
    SearchAsk,
    TopLabel,
    Wish,
)
from node.subnets.data_universe.rehearsal import TRUTH
from node.subnets.data_universe.scoring import Job
from node.subnets.data_universe.shelf import Shelf
from node.subnets.data_universe.subnet import DataUniverse
from node.subnets.data_universe.witnesses import Witnesses
from node.subnets.lab.hosts import NoModels, view_of
from node.subnets.lab.trial import run_trial

A, B, C = (AccountId(letter * 32) for letter in (b"a", b"b", b"c"))
NOW = 480_000


# --- the workbench --------------------------------------------------------------------------------------------------


async def test_honest_miners_are_paid_and_no_cheat_pays() -> None:
    trial = await run_trial(DataUniverse(), NoModels(), rounds=8)
    assert (trial.problems, trial.uncaught, trial.skipped) == ((), (), 0)
    paid = {miner.name: miner.pay for miner in trial.miners}
    assert min(paid["honest 1"], paid["honest 2"]) > 0.4
    codes = {miner.name: miner.codes for miner in trial.miners}
    for name, code in {
        "forged rows": "FORGED", "future dates": "FORGED", "oversized": "FORGED", "copied index": "PLAGIARISED",
        "lazy": "FORGED", "copying": "FORGED", "invented rows": "UNCHECKABLE",
    }.items():  # fmt: skip
        assert codes[name][code] >= 3, name
    assert paid["filler"] < 0.05


# --- proofs ---------------------------------------------------------------------------------------------------------


def shelf_with(folder: Path, rows: list[Entity]) -> Shelf:
    shelf = Shelf(folder)
    shelf.take_in(rows)
    return shelf


def test_only_the_promised_rows_at_the_asked_bytes_pass(tmp_path: Path) -> None:
    shelf = shelf_with(tmp_path, list(TRUTH[:60]))
    snapshot = shelf.seal(A)
    note = IndexNote(
        snapshot.tree.root, snapshot.tree.total, snapshot.rows, len(snapshot.sizes),
        BlobRef(Hash(b"b" * 32), 1, "x"), snapshot.top(),
    )  # fmt: skip
    kept, buckets = Kept(0, 0, note), frozenset(snapshot.sizes)
    offsets = [0, snapshot.tree.total // 2, snapshot.tree.total - 1]
    proven = [shelf.prove_at(snapshot, A, offset) for offset in offsets]
    assert check_proofs(proven, offsets, A, kept, buckets) == ""
    assert "another row" in check_proofs(proven[::-1], offsets, A, kept, buckets)
    assert "asked for" in check_proofs(proven[:2], offsets, A, kept, buckets)
    assert check_proofs(proven, offsets, B, kept, buckets) != "", "a proof names its holder"
    assert "published index" in check_proofs(proven, offsets, A, kept, frozenset())
    for changed in (
        replaced_row(proven[0], content="other words"), replaced_row(proven[0], minute=proven[0].row.minute + 1),
        replaced_row(proven[0], author="x"), replaced_row(proven[0], uri="https://x.example/"),
        replaced_row(proven[0], label="x"),
    ):  # fmt: skip
        assert check_proofs([changed, *proven[1:]], offsets, A, kept, buckets) != ""
    shelf.close()


def replaced_row(proven: object, **changes: object) -> object:
    import msgspec

    return msgspec.structs.replace(proven, row=msgspec.structs.replace(proven.row, **changes))  # type: ignore[attr-defined, type-var]


def test_a_snapshot_survives_a_restart_and_can_still_be_proven(tmp_path: Path) -> None:
    shelf = shelf_with(tmp_path, list(TRUTH[:20]))
    root = shelf.seal(A).tree.root
    shelf.close()
    again = Shelf(tmp_path)
    snapshot = again.snapshot(root)
    assert snapshot is not None
    assert again.prove_at(snapshot, A, 0).row.content
    assert again.snapshot(Hash(b"x" * 32)) is None
    again.close()


# --- verdicts -------------------------------------------------------------------------------------------------------


def finding(text: str, right: bool | None) -> Finding:
    return Finding(Entity("u", Source.FEED, "l", 1, "", text), right, "why")


def test_a_score_is_the_right_share_of_the_bytes_that_could_be_checked() -> None:
    told = [finding("ten bytes!", True), finding("ten bytes?", False), finding("unknown row here", None)]
    verdict = verdict_of(told, {})
    assert (verdict.score, verdict.code) == (0.5, Code.FORGED)
    assert verdict.weight == 20 / 36
    assert verdict_of([finding("x", True)], {}).score == 1.0
    assert verdict_of([finding("x", None)], {}).score is None


def judged(score: float | None, **facts: float) -> Judged:
    code = Code.OK if score is not None else Code.UNCHECKABLE
    return Judged(Hash(b"t" * 32), "challenge", Height(1), Verdict(score, code, facts=facts), Usage(), 0, 0)


def test_trust_grows_with_checks_and_a_verdict_without_a_score_moves_nothing() -> None:
    good = judged(1.0, value=100.0, unique=1.0)
    ten, twenty = pay.account_of([good] * 10), pay.account_of([good] * 20)
    assert 0 < ten.credibility < twenty.credibility < 1
    assert pay.account_of([*[good] * 10, *[judged(None, value=9.0)] * 5]) == ten
    assert ten.final == pytest.approx(100 * ten.credibility**2.5 * 0.5)


def test_a_sudden_growth_of_claims_is_not_paid_at_once() -> None:
    before = [judged(1.0, value=100.0)] * 30
    jumped = pay.account_of([*before, judged(1.0, value=10_000.0)])
    assert jumped.final < 5 * pay.account_of(before).final


def test_promises_worth_nothing_are_no_way_to_grow_without_proof() -> None:
    nothing, much = [judged(1.0, value=0.0)] * 30, judged(1.0, value=10_000.0)
    assert pay.account_of(nothing) == pay.Account(unique=1.0, found=1.0)
    assert pay.account_of([*nothing, much]).credibility == scoring.CREDIBILITY_ALPHA
    before = [judged(1.0, value=100.0)] * 30
    assert pay.account_of([*before, nothing[0], much]) == pay.account_of([*before, much])
    assert pay.account_of([*before, judged(0.0, value=0.0)]).credibility < pay.account_of(before).credibility


def test_silence_costs_trust_and_duplicates_and_vanished_rows_cost_value() -> None:
    good = [judged(1.0, value=100.0)] * 10
    assert pay.account_of([*good, judged(0.0)]).credibility == pytest.approx(0.85 * pay.account_of(good).credibility)
    halved = [judged(1.0, value=100.0, unique=0.5)] * 10
    assert pay.account_of(halved).final == pytest.approx(pay.account_of(good).final / 2)
    gone = [judged(1.0, value=100.0, found=0.1)] * 10
    assert pay.account_of(gone).final == pytest.approx(pay.account_of(good).final / 10)


def test_a_dirty_source_cannot_hide_behind_a_clean_one() -> None:
    facts = {"checked.1": 10.0, "right.1": 10.0, "checked.2": 3.0, "right.2": 1.0}
    dirty = [judged(0.9, value=100.0, **facts)] * 3
    assert pay.account_of(dirty).dirty == ("HN",)
    assert pay.account_of(dirty).final == 0.0


def test_on_demand_work_doubles_the_pay_at_most_by_a_little_more() -> None:
    good = [judged(1.0, value=100.0)] * 10
    served = pay.account_of([*good, *[judged(1.0, **{"demand": 1.0, "asked.0": 1.0, "answered.0": 1.0})] * 40])
    assert served.final == pytest.approx(2 * pay.account_of(good).final, rel=1e-3)
    refused = pay.account_of([*good, *[judged(0.0, **{"demand": 0.0, "asked.0": 1.0})] * 40])
    assert refused.final == pytest.approx(pay.account_of(good).final)


# --- holdings -------------------------------------------------------------------------------------------------------


def put(holdings: Holdings, miner: AccountId, buckets: dict[Bucket, int], sequence: int = 0) -> None:
    listed = [BucketSize(bucket, buckets[bucket], 3) for bucket in sorted(buckets)]
    total = sum(buckets.values())
    note = IndexNote(Hash(b"r" * 32), total, 3 * len(listed), len(listed), BlobRef(Hash(b"b" * 32), 1, "x"), ())
    holdings.put(miner, sequence, note, pack_index(listed))


def random_buckets(chance: random.Random) -> dict[Bucket, int]:
    return {
        Bucket(chance.choice(list(Source)), chance.choice(["a", "b", "wanted"]), NOW - chance.randrange(-3, 760)):
        chance.randrange(100_000_000)
        for _ in range(60)
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_the_fast_value_of_an_index_is_the_sum_of_the_formula_over_its_buckets(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    held = {miner: random_buckets(chance) for miner in (A, B, C)}
    jobs = [Job("wanted", 3.0), Job("a", 2.0, NOW - 800, NOW - 700), Job("a", 1.5)]
    holdings = Holdings(tmp_path)
    for miner, buckets in held.items():
        put(holdings, miner, buckets)
    values = holdings.values(NOW, jobs)
    for miner, buckets in held.items():
        expected = 0.0
        for bucket, own in buckets.items():
            if bucket.hour > NOW + 1:
                continue
            sizes = [other.get(bucket, 0) for other in held.values()]
            scale = scoring.bucket_scale(bucket.label, bucket.hour, NOW, jobs)
            weight = SOURCE_WEIGHTS[Source(bucket.source)]
            expected += scoring.bucket_value(weight, scale, scoring.scorable_bytes(own, sizes))
        assert values[miner] == pytest.approx(expected, rel=1e-9)


def test_holders_of_a_bucket_are_found_also_after_a_restart(tmp_path: Path) -> None:
    holdings = Holdings(tmp_path)
    put(holdings, A, {Bucket(1, "x", 5): 10, Bucket(1, "y", 5): 20})
    put(holdings, B, {Bucket(1, "x", 5): 30})
    put(holdings, C, {})
    for each in (holdings, Holdings(tmp_path)):
        assert sorted(each.holders(Bucket(1, "x", 5))) == [(A, 10), (B, 30)]
        assert each.holders(Bucket(2, "x", 5)) == []
        assert each.newest(A)[0].rows == 3
    holdings.forget(lambda miner: miner != A)
    assert holdings.holders(Bucket(1, "x", 5)) == [(B, 30)]
    assert holdings.newest(A) == []


def test_an_index_that_is_not_what_its_entry_says_is_refused(tmp_path: Path) -> None:
    note = IndexNote(Hash(b"r" * 32), 11, 3, 1, BlobRef(Hash(b"b" * 32), 1, "x"), ())
    with pytest.raises(MalformedMessage):
        Holdings(tmp_path).put(A, 0, note, pack_index([BucketSize(Bucket(1, "x", 5), 10, 3)]))


def test_a_damaged_file_is_dropped_and_fetched_again(tmp_path: Path) -> None:
    (tmp_path / f"{A.hex()}.flat").write_bytes(b"DUF1" + bytes(40))
    (tmp_path / f"{B.hex()}.flat").write_bytes(b"x")
    assert list(Holdings(tmp_path).miners()) == []
    assert not list(tmp_path.glob("*.flat"))


def test_an_index_of_which_a_crash_left_one_of_two_files_is_fetched_again(tmp_path: Path) -> None:
    for lost in (f"{A.hex()}.flat", f"{A.hex()}-000000000001.idx"):
        holdings = Holdings(tmp_path / lost)
        put(holdings, A, {Bucket(1, "x", 5): 10})
        put(holdings, A, {Bucket(1, "x", 5): 20}, sequence=1)
        (tmp_path / lost / lost).unlink()
        again = Holdings(tmp_path / lost)
        assert not again.has(A, 1), lost
        put(again, A, {Bucket(1, "x", 5): 20}, sequence=1)
        assert again.has(A, 1), lost
        assert again.holders(Bucket(1, "x", 5)) == [(A, 20)]


def test_an_index_of_which_a_crash_left_the_old_table_is_fetched_again(tmp_path: Path) -> None:
    holdings = Holdings(tmp_path)
    put(holdings, A, {Bucket(1, "x", 5): 10})
    old = (tmp_path / f"{A.hex()}.flat").read_bytes()
    put(holdings, A, {Bucket(1, "x", 5): 20}, sequence=1)
    (tmp_path / f"{A.hex()}.flat").write_bytes(old)
    again = Holdings(tmp_path)
    assert again.has(A, 0)
    assert not again.has(A, 1)


# --- witnesses ------------------------------------------------------------------------------------------------------


def test_one_person_is_one_witness_and_another_date_is_another_opinion() -> None:
    seen, row = Witnesses(), TRUTH[0]
    seen.saw(A, row)
    seen.saw(A, row)
    seen.saw(B, row)
    assert seen.opinions(C, row) == (2, 0)
    assert seen.opinions(A, row) == (1, 0)
    assert seen.opinions(C, replace(row, minute=row.minute + 120)) == (0, 2)


def test_the_same_text_elsewhere_is_a_copy_and_at_the_same_place_is_not() -> None:
    seen, row = Witnesses(), TRUTH[0]
    assert seen.copies(A, row) == (0, 0)
    assert seen.copies(B, row) == (0, 0)
    assert seen.copies(C, replace(row, label="elsewhere")) == (0, 2)
    assert seen.copies(A, replace(row, uri=row.uri + "x")) == (1, 2)
    assert seen.copies(A, TRUTH[1]) == (0, 0)


# --- journals -------------------------------------------------------------------------------------------------------


def entry(kind: str, body: bytes, *, author: AccountId = A, sequence: int = 0) -> Entry:
    return Entry(author, sequence, Height(7), kind, body)


def note_of(total: int = 5, top: tuple[TopLabel, ...] = ()) -> IndexNote:
    return IndexNote(Hash(b"r" * 32), total, 1, 1, BlobRef(Hash(b"b" * 32), 9, "x"), top)


def test_the_last_two_promises_count_and_nonsense_is_refused() -> None:
    state: dict[bytes, bytes] = {}
    for sequence in range(3):
        assert reduce(entry(INDEX_KIND, encode(note_of(sequence)), sequence=sequence), state) is None
    assert [kept.sequence for kept in indexes_of(state, A)] == [1, 2]
    assert all(key.startswith(A) for key in state)
    for kind, body in ((INDEX_KIND, b"x"), ("other", b""), (INDEX_KIND, encode(note_of(-1))), (JOBS_KIND, b"\x91")):
        assert reduce(entry(kind, body), state) is not None


@pytest.mark.parametrize(
    "wishes",
    [
        (Wish("a", 600_000, 0, 0), Wish("b", 600_000, 0, 0)), (Wish("a", 0, 0, 0),), (Wish("A", 1, 0, 0),),
        (Wish("a", 1, 9, 5),), (Wish("", 1, 0, 0),), (Wish("x" * 141, 1, 0, 0),),
    ],
)  # fmt: skip
def test_wishes_that_weigh_too_much_or_make_no_sense_are_refused(wishes: tuple[Wish, ...]) -> None:
    assert reduce(entry(JOBS_KIND, encode(JobsNote(wishes))), {}) is not None


def test_wishes_count_by_the_stake_of_validators_only() -> None:
    state: dict[bytes, bytes] = {}
    view = view_of(NetUid(13), 5, A, (B,))
    wish = encode(JobsNote((Wish("science", 1_000_000, 0, 0),)))
    reduce(entry(JOBS_KIND, wish, author=B), state)
    assert jobs_of(replace(view, state=state)) == []
    reduce(entry(JOBS_KIND, wish, author=A), state)
    assert jobs_of(replace(view, state=state)) == [Job("science", 5.0)]


def test_the_owners_wishes_count_for_three_tenths_whoever_it_is() -> None:
    state: dict[bytes, bytes] = {}
    view = view_of(NetUid(13), 5, A, (B,))
    wishes = JobsNote((Wish("science", 40_000, 0, 0), Wish("art", 20_000, 0, 0)))
    reduce(entry(JOBS_KIND, encode(wishes), author=B), state)
    assert jobs_of(replace(view, state=state)) == []  # a miner's wishes are nobody's business ...
    found = {job.label: job.weight for job in jobs_of(replace(view, state=state, owner=B))}  # ... unless it owns this
    assert found == pytest.approx({"science": 0.012 / scoring.JOB_NORMALISER, "art": 0.006 / scoring.JOB_NORMALISER})
    assert jobs_of(replace(view, state=state, owner=A)) == []  # whose owner says nothing


# --- questions ------------------------------------------------------------------------------------------------------


def test_questions_are_of_both_kinds_and_pass_their_own_check() -> None:
    state: dict[bytes, bytes] = {}
    reduce(entry(INDEX_KIND, encode(note_of(5, (TopLabel(1, "news", 5),)))), state)
    view: View = replace(view_of(NetUid(13), 5, B, (A,)), state=state)
    kinds = set()
    for number in range(40):
        task = draw_question(number.to_bytes(32, "big"), view)
        assert task is not None
        task.check()
        assert task == draw_question(number.to_bytes(32, "big"), view)
        kinds.add(type(task.ask).__name__)
    assert kinds == {"RowsAsk", "SearchAsk"}
    assert draw_question(b"s" * 32, replace(view, state={})) is None


GOOD = SearchAsk(0, "", ("ann",), ("word",), "", "any", 0, 0, 100)


@pytest.mark.parametrize(
    "ask",
    [
        {"limit": 0}, {"limit": 1001}, {"source": 99}, {"label": "x" * 141}, {"label": "a\x00"}, {"start": 9, "end": 5},
        {"usernames": ("a",) * 11}, {"keywords": ("a",) * 6}, {"keywords": (" ",)}, {"mode": "some"}, {"start": -1},
    ],
)  # fmt: skip
def test_a_search_out_of_bounds_is_refused(ask: dict[str, object]) -> None:
    import msgspec

    GOOD.check()
    with pytest.raises(MalformedMessage):
        DataTask(search=(msgspec.structs.replace(GOOD, **ask),)).check()


def test_a_question_of_no_or_two_kinds_is_refused() -> None:
    for task in (DataTask(), DataTask(search=(GOOD,), lookup=(LookupAsk((b"u" * 16,)),))):
        with pytest.raises(MalformedMessage):
            task.check()
