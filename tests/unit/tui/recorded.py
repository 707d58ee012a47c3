"""A small devnet as data: what a node in good health would say. Everything is fixed; nothing is random."""

from typing import Final, Literal

from node.control.schema import (
    AskDone,
    AskPart,
    Earnings,
    EpochEarning,
    EpochProgress,
    Hello,
    Job,
    LogLine,
    Metagraph,
    ModelInfo,
    Neuron,
    NodeStatus,
    PeerInfo,
    PlannedTransaction,
    ProposalView,
    Quote,
    Requirement,
    RolePlan,
    Stake,
    SubnetInfo,
    SyncProgress,
    Task,
)

NOW_MS: Final = 1_764_000_000_000
HOTKEYS: Final = (
    "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
    "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
    "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
    "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
    "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw",
)
COLDKEY: Final = "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL"
PEERS: Final = (
    "12D3KooWLPMRwo79PfDfqzzp4nuDnYJoFDBGd8Ub6V5cnSYwqW4x",
    "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3",
    "12D3KooWQYhTNQdmr3ArTeUHRYzFg94BKyTkoWBDWez9kSCVe2Xo",
    "12D3KooWLbUCUbZcnsZ4qaUz9R3pqKQZqnQVk8s7LxX1XWr5TQzM",
)
ANSWER: Final = (
    "A blockchain is a shared ledger: many computers keep the same list of blocks, and each block names the one before "
    "it. To change an old entry, one would have to change every block after it on most of those computers."
)


def hello() -> Hello:
    return Hello("0.1.0", 1, 1, 4121, "/srv/devnet/node-1", "running", "", PEERS[0], "devnet-7f3a", "ab" * 32)


def status(height: int = 1204, **changes: object) -> NodeStatus:
    fields: dict[str, object] = {
        "peer_id": "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp",
        "addresses": ("/ip4/127.0.0.1/tcp/4001",),
        "network": "devnet-7f3a",
        "genesis_hash": "ab" * 32,
        "role": "miner",
        "authority": False,
        "state": "running",
        "phase": "",
        "height": height,
        "head_hash": "9f3a6c21" * 8,
        "finalized_height": height - 2,
        "finalized_hash": "77c1d0e4" * 8,
        "state_root": "c0ffee12" * 8,
        "slot": height + 3,
        "slot_ms": 1000,
        "peers": 4,
        "sync": SyncProgress(False, height, height),
        "epoch": EpochProgress(1, 20, height % 20, 20 - height % 20),
        "hotkey": HOTKEYS[2],
        "coldkey": COLDKEY,
        "netuid": 1,
        "uid": 2,
        "stake_rao": 250 * 10**9,
        "balance_rao": 1_204_518_000_000,
        "gateway_url": "http://127.0.0.1:8331",
        "version": "0.1.0",
        "home": "/srv/devnet/node-1",
        "pid": 4121,
        "uptime_s": 1322.0,
        "loop_lag_ms": 2.4,
    }
    return NodeStatus(**{**fields, **changes})  # type: ignore[arg-type]


def peers() -> tuple[PeerInfo, ...]:
    latencies = (1.4, 2.1, 8.0, 164.0)
    return tuple(
        PeerInfo(
            peer_id,
            (f"/ip4/127.0.0.1/tcp/{4002 + index}/p2p/{peer_id}",),
            "out" if index % 2 == 0 else "in",
            "neurond/0.1.0",
            -12.5 if index == 3 else 0.0,
            1300.0 - 60 * index,
            latencies[index],
            1204 - (index == 3),
            HOTKEYS[index if index < 2 else index + 1],
            *(("relayed", "its router lets nobody in") if index == 3 else ()),
        )
        for index, peer_id in enumerate(PEERS)
    )


def metagraph(height: int = 1204) -> Metagraph:
    rows = (
        (True, 412_500, 0, 34_300, 6_120),
        (True, 380_000, 0, 31_200, 5_560),
        (True, 250, 31_457, 0, 12_840),
        (True, 250, 29_900, 0, 12_210),
        (True, 250, 1_180, 0, 482),
    )
    return Metagraph(
        1,
        height,
        tuple(
            Neuron(
                uid=uid,
                hotkey=HOTKEYS[uid],
                coldkey=COLDKEY if uid == 2 else HOTKEYS[uid][::-1],
                peer_id=PEERS[min(uid, 3)],
                addresses=(f"/ip4/127.0.0.1/tcp/{4001 + uid}",),
                active=active,
                validator_permit=uid < 2,
                stake_rao=stake * 10**9,
                stake_alpha=stake * 10**8 * 9,
                incentive_u16=incentive,
                dividends_u16=dividends,
                consensus_u16=incentive,
                validator_trust_u16=65_535 if uid < 2 else 0,
                emission_alpha=milli * 10**6,
                last_update=height - 3 * uid,
                registered_at=uid + 1,
            )
            for uid, (active, stake, incentive, dividends, milli) in enumerate(rows)
        ),
    )


def subnet(price_rao: int = 281_700_000) -> SubnetInfo:
    return SubnetInfo(
        1, "text generation", HOTKEYS[0], True, price_rao, 1_000 * 10**9, 3_550 * 10**9, 4_000 * 10**9, 10**9, 20, 16,
        5, 256, 10**8,
    )  # fmt: skip


def other_subnets() -> tuple[SubnetInfo, ...]:
    return (
        SubnetInfo(
            2, "chutes", HOTKEYS[1], True, 91_400_000, 420 * 10**9, 4_595 * 10**9, 6_100 * 10**9, 10**8, 20, 3,
            4, 256, 10**8,
        ),
        SubnetInfo(
            3, "data universe", HOTKEYS[1], False, 10**9, 100 * 10**9, 100 * 10**9, 0, 0, 20, 9, 1, 256, 5 * 10**8
        ),
    )  # fmt: skip


def stakes() -> tuple[Stake, ...]:
    return (
        Stake(1, HOTKEYS[0], 600 * 10**9, 281_700_000, 169_020_000_000),
        Stake(2, HOTKEYS[1], 50 * 10**9, 91_400_000, 4_570_000_000),
        Stake(0, HOTKEYS[1], 76 * 10**9, 10**9, 76 * 10**9),
    )


def quote(direction: Literal["stake", "unstake"], netuid: int, amount: int) -> Quote:
    """What a pool of 1 000 τ and 3 550 α would say."""
    tao, alpha = 1_000 * 10**9, 3_550 * 10**9
    before = tao * 10**9 // alpha
    if direction == "stake":
        gets = alpha * amount // (tao + amount)
        after = (tao + amount) * 10**9 // (alpha - gets)
        impact = 10**6 - gets * before // amount // 1000 if amount else 0
        return Quote(netuid, "stake", 1204, amount, gets, amount // 2000, before, after, impact)
    gets = tao * amount // (alpha + amount)
    after = (tao - gets) * 10**9 // (alpha + amount)
    impact = 10**6 - gets * 10**15 // (amount * before) if amount else 0
    return Quote(netuid, "unstake", 1204, gets, amount, gets // 2000, before, after, impact)


def proposals() -> tuple[ProposalView, ...]:
    arguments = {"netuid": "1", "tempo_blocks": "360"}
    return (
        ProposalView(3, "ab" * 32, COLDKEY, "sudo_set_tempo", arguments, 2, 1260, (HOTKEYS[0],), (), False),
        ProposalView(
            4, "cd" * 32, COLDKEY, "schedule_pos", {}, 2, 1240, (HOTKEYS[0], HOTKEYS[2]), (HOTKEYS[1],), True
        ),
    )  # fmt: skip


def earnings() -> Earnings:
    paid = (0.8, 1.9, 3.6, 4.4, 5.1, 6.3, 6.0, 7.2, 8.9, 10.4, 11.8, 12.84)
    epochs = tuple(
        EpochEarning(1, 964 + 20 * index, int(each * 10**9), 0, int(each * 281_700_000))
        for index, each in enumerate(paid)
    )
    total = sum(each.incentive_alpha for each in epochs)
    return Earnings(HOTKEYS[2], total, int(total * 0.2817), epochs, rank=1, neurons=3, incentive_u16=31_457)


def tasks() -> tuple[Task, ...]:
    questions = (
        "What is a blockchain?",
        "Name three rivers in Europe.",
        "Why is the sky blue?",
        "Write a haiku on rain.",
    )
    found = []
    for index in range(14):
        failed = index == 4
        running = index == 13
        found.append(
            Task(
                id=f"task-{index:04}",
                netuid=1,
                kind="request" if index % 3 else "challenge",
                state="failed" if failed else "running" if running else "done",
                started_ms=NOW_MS - 9_000 * (14 - index),
                miner=HOTKEYS[2 + index % 3],
                validator=HOTKEYS[index % 2],
                latency_ms=None if running else 380.0 + 53 * (index % 5),
                tokens=0 if failed else 48 + 7 * (index % 4),
                score=None if running or failed else (0.97, 0.94, 0.06)[index % 3],
                code="deadline_passed" if failed else "",
                preview=questions[index % 4],
            )
        )
    return tuple(found)


def log_lines(count: int = 24) -> tuple[LogLine, ...]:
    said = (
        ("info", "chain", "imported block 1,{n} in 6 ms, 4 transactions, from 12D3…YwqW4x"),
        ("info", "finality", "block 1,{n} is final: 2 of 2 authorities signed"),
        ("info", "miner", "answered a request of 5Grw…utQY with 64 tokens in 0.91 s"),
        ("info", "chain", "imported block 1,{n} in 5 ms, 2 transactions, from 12D3…c298L3"),
        ("debug", "p2p", "ping 12D3…c298L3 2.1 ms"),
        ("info", "finality", "block 1,{n} is final: 2 of 2 authorities signed"),
        ("warning", "market", "5HGj…UMaw answered a challenge with text that its model would not write: score 0.06"),
        ("info", "chain", "imported block 1,{n} in 6 ms, 1 transaction, from 12D3…YwqW4x"),
        ("info", "epoch", "subnet 1 paid 24.93 α at block 1,{n}: 3 miners, 2 validators"),
        ("info", "miner", "answered a challenge of 5FHn…94ty with 48 tokens in 0.68 s"),
        ("error", "p2p", "12D3…r5TQzM sent a frame of 3,145,728 bytes: refused and disconnected"),
    )
    lines = []
    for index in range(count):
        level, area, text = said[index % len(said)]
        message = text.format(n=f"{180 + index}")
        lines.append(LogLine(index + 1, NOW_MS - 1000 * (count - index), level, area, message))  # type: ignore[arg-type]
    return tuple(lines)


def models() -> tuple[ModelInfo, ...]:
    return (
        ModelInfo(
            "smollm2-135m-instruct", "text", "Apache-2.0", 271_000_000, 620_000_000, "ready", "d1" * 32, True, "CPU"
        ),
    )


def answer_parts() -> list[AskPart]:
    words = ANSWER.split(" ")
    parts = [AskPart(word if index == 0 else f" {word}") for index, word in enumerate(words)]
    done = AskDone("stop", "smollm2-135m-instruct", HOTKEYS[3], 14, len(words), 212.0, 1460.0, "task-answer")
    return [*parts, AskPart(done=done)]


def judged_answer() -> Task:
    return Task("task-answer", 1, "request", "done", NOW_MS, HOTKEYS[3], HOTKEYS[0], 1460.0, len(ANSWER.split()), 0.97)


def role_plan(target: str, register: bytes | None) -> RolePlan:
    """Validator: short of stake. Miner: one registration to sign, when there is a call. Staker: only stopping."""
    planned = () if register is None else (PlannedTransaction("register", register, "coldkey", 125_000, 100_000_000),)
    if target == "validator":
        needs = (
            Requirement("registered", True, "uid 2", "a seat"),
            Requirement("stake", False, "250 τ", "1,000 τ", "Stake 750 τ more: neurond stake add 750."),
            Requirement("model", True, "smollm2-135m-instruct", "a model"),
        )
        return RolePlan("miner", "validator", False, needs, (), ("miner",), ("validator",), 90.0)
    if target == "staker":
        return RolePlan("miner", "staker", True, (), (), ("miner", "model runtime"), (), 90.0)
    needs = (
        Requirement("balance", True, "1,204.5 τ", "0.1001 τ"),
        Requirement("model", True, "smollm2-135m-instruct", "a model"),
    )
    return RolePlan("staker", "miner", True, needs, planned, (), ("model runtime", "miner"), 0.0)


def role_job(state: str, done: int, target: str = "staker") -> Job:
    return Job("job-1", "role", f"switch to {target}", state, done, 3, "steps", None, "stopping the miner")  # type: ignore[arg-type]
