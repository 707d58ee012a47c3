"""Recounts a validator's epoch from what it published and says where anything disagrees. Pure; believes nothing.

A finding is a disagreement, which the validator has to answer for, or a note on what could not be checked from here.
Seeds, targets, tasks, signatures, lots, fades, the book and the weights are computed again, with the code that
validators run, and the weights are compared with those on chain, number by number.
"""

from functools import cached_property
from typing import Final

from node.market.audit_facts import Audit, ChainFacts, Evidence, Finding
from node.market.audit_seats import UNSEEN, seat_findings
from node.market.errors import MalformedMessage
from node.market.frames import body_digest, receipt_holds
from node.market.limits import SEED_ROUNDS, STALE_EPOCHS
from node.market.record import RECORD_VERSION, challenge_of, head_holds, lines_root, record_digest, unjudged
from node.market.record_lines import (
    KINDS,
    Booked,
    Decayed,
    Line,
    Lot,
    Opened,
    Seated,
    Started,
    Weighed,
    bits,
    decode_line,
)
from node.market.recount import Recount
from node.market.roster import miners
from node.market.rounds import choose_targets, round_at, silence
from node.market.seeds import draw_seed, lot_taken, seed_height, walk
from node.market.standings import book_digest, decode_book, encode_book
from node.market.weights import WeightVector
from node.primitives.codec import encode
from node.primitives.crypto import Verifier, digest
from node.primitives.types import AccountId, Hash, Height
from node.subnets.base import AnySubnet, Code, Standing

FINDINGS_MAX: Final = 200  # a record that is wrong everywhere is wrong enough


def audit(evidence: Evidence, facts: ChainFacts, subnet: AnySubnet, verify: Verifier) -> Audit:
    """Check everything about one epoch's record; `subnet` has the rules that ought to be in force."""
    return _Auditor(evidence, facts, subnet, verify).run()


class _Auditor:
    def __init__(self, evidence: Evidence, facts: ChainFacts, subnet: AnySubnet, verify: Verifier) -> None:
        self._evidence = evidence
        self._head = evidence.signed.head
        self._facts = facts
        self._subnet = subnet
        self._verify = verify
        self._recount = Recount(facts.netuid)
        self._audit = Audit()
        self._line = -1
        self._same_rules = True
        self._secrets: dict[int, Hash] = {}  # of rounds, proven
        self._open: dict[Hash, set[AccountId]] = {}  # challenges and who has no verdict yet
        self._answered: dict[Hash, set[AccountId]] = {}
        self._timeouts: list[tuple[int, Booked]] = []
        self._lots: dict[Hash, Lot] = {}
        self._judged: set[tuple[Hash, AccountId]] = set()
        self._last_round = -1
        self._starts = 0  # the beginning of the epoch, and each start of the validator in it
        self._lost: set[tuple[Hash, AccountId]] = set()
        self._weighed: tuple[int, Weighed] | None = None

    def run(self) -> Audit:
        """Everything, in order; a record that cannot be read ends it early."""
        self._check_head()
        try:
            self._recount.book.restore(decode_book(self._evidence.before))
            for number, data in enumerate(self._evidence.lines):
                self._line = number
                line = decode_line(data)
                self._check(line)
                self._recount.apply(line)
            self._line = -1
            self._check_end()
            self._check_receipts()
        except MalformedMessage as error:
            self._say("form", f"The record, or one beside it, cannot be read: {error.message}")
            return self._audit
        self._check_weights()
        self._audit.book = self._recount.book
        self._audit.names = {uid: neuron.hotkey for uid, neuron in self._recount.seats().items()}
        return self._audit

    # --- the head ---------------------------------------------------------------------------------------------------

    def _check_head(self) -> None:
        head, facts = self._head, self._facts
        ours = (RECORD_VERSION, facts.genesis, facts.netuid, facts.validator)
        if (head.version, head.genesis, head.netuid, head.validator) != ours:
            self._say("form", "The record is another validator's, another network's or of another form.")
        if not head_holds(self._evidence.signed, self._verify):
            self._say("signature", "The validator's signature under the record does not hold.")
        root = facts.roots.get(head.epoch)
        if root is None:
            self._say("root", f"The chain holds no root of epoch {head.epoch} by this validator.")
        elif (root.digest, root.lines) != (record_digest(head), head.lines):
            self._say("root", "The record is not the one whose digest the validator put on chain.")
        if (len(self._evidence.lines), lines_root(self._evidence.lines)) != (head.lines, head.root):
            self._say("root", "The lines are not those that the record's head commits to.")
        if book_digest(self._evidence.before) != head.before:
            self._say("book", "The score book at the beginning is not the one that the record's head commits to.")
        previous = self._evidence.previous
        if previous is not None and record_digest(previous.head) == head.previous:
            if previous.head.after != head.before:
                self._say("book", "The score book at the beginning is not the one the epoch before ended with.")
        elif previous is not None and previous.head.epoch < head.epoch:
            self._say("book", "The record does not follow the one before it.")

    # --- lines ------------------------------------------------------------------------------------------------------

    def _check(self, line: Line) -> None:
        match line:
            case Started():
                self._check_rules(line)
            case Seated():
                self._check_seats(line)
            case Opened():
                self._check_opened(line)
            case Booked():
                self._check_booked(line)
            case Lot():
                self._check_lot(line)
            case Decayed():
                self._check_decay(line)
            case Weighed():
                self._check_weighed(line)
            case _:
                pass

    def _check_rules(self, line: Started) -> None:
        self._starts += 1
        spec = self._subnet.spec
        if (line.subnet, line.spec_version) != (spec.name, spec.version):
            self._same_rules = False
            self._say(
                "rules",
                f"The record follows {line.subnet} version {line.spec_version}; this program has {spec.name} version "
                f"{spec.version}. Draws and weights cannot be computed again.",
            )
        ours = (bits(spec.alpha), spec.sample, spec.challenge_blocks)
        if (line.alpha, line.sample, line.challenge_blocks) != ours:
            self._say("rules", "Share of a verdict, sample or interval of rounds are not those of the subnet's rules.")

    def _check_seats(self, line: Seated) -> None:
        for text, note in seat_findings(line, self._facts, self._count):
            self._say("seats", text, note=note)

    def _check_opened(self, line: Opened) -> None:
        self._count("rounds")
        recount, rules = self._recount, self._recount.rules
        if rules is None:
            self._say("form", "A challenge comes before the rules.")
            return
        view = recount.view(line.height, line.block_hash)
        validator, blocks = self._facts.validator, rules.challenge_blocks
        if line.round <= self._last_round or line.round != round_at(line.height, blocks, validator):
            self._say("seed", f"Round {line.round} is drawn twice, or at another time than its own.")
        self._last_round = max(self._last_round, line.round)
        drawn_at = seed_height(line.round, blocks, validator)
        self._check_secret(line.secret, line.round, drawn_at)
        known = self._facts.block_hash(drawn_at)
        if known is None:
            self._say("seed", f"Block {drawn_at} of round {line.round} is not known here.", note=True)
        elif known != line.seed_block:
            self._say("seed", f"Round {line.round} is drawn from another block than block {drawn_at}.")
        seed = draw_seed(line.secret, line.seed_block, self._facts.netuid, line.round, validator)
        if line.targets != choose_targets(miners(view, without=validator), recount.book, seed, rules.sample):
            self._say("targets", f"Round {line.round} asked other miners than its seed chooses.")
        name = challenge_of(line, self._facts.genesis, self._facts.netuid, validator)
        if not self._verify(validator, name, line.signature):
            self._say("signature", f"The signature under the challenge of round {line.round} does not hold.")
        self._open[name] = set(line.targets)
        self._answered[name] = set()
        self._draw_again(line, name, seed)

    def _draw_again(self, line: Opened, name: Hash, seed: Hash) -> None:
        if not self._same_rules:
            return
        view = self._recount.view(line.height, line.block_hash)
        try:
            task = self._subnet.draw(seed, view)
        except Exception as error:  # a subnet's program may fail in any way
            return self._say("task", f"The subnet's program failed to draw round {line.round}: {error!r}.", note=True)
        if task is None or body_digest(encode(task)) != line.body_digest:
            told = self._recount.untold
            return self._say("task", f"Round {line.round} asked another task than its seed draws.", note=told)
        self._audit.tasks[name] = task

    def _check_secret(self, secret: Hash, number: int, before: Height | None = None) -> None:
        """Whether a secret is the round's in a published chain, published before the block `before` if one is named."""
        if self._secrets.get(number) == secret:
            return
        for seed in self._facts.seeds:
            steps = number - seed.first_round + 1
            if 0 < steps <= SEED_ROUNDS and walk(secret, steps) == seed.end:
                self._secrets[number] = secret
                if before is not None and seed.height >= before:
                    self._say("seed", f"The seeds of round {number} were published at block {seed.height} only.")
                return
        self._say("seed", f"The secret of round {number} belongs to no chain of seeds that was published.")

    def _check_booked(self, line: Booked) -> None:
        self._count("verdicts")
        self._audit.booked.append(line)
        if (line.question, line.miner) in self._judged:
            self._say("verdict", "A miner is judged twice on one question.", line.miner)
        self._judged.add((line.question, line.miner))
        if KINDS[line.kind] == "audit":
            self._check_chosen(line)
        elif KINDS[line.kind] != "challenge" or not self._take_target(line):
            self._say("verdict", "A verdict is booked on a challenge that was never asked.", line.miner)
        if line.answer:
            self._answered.setdefault(line.question, set()).add(line.miner)
            signed = digest("answer", line.question, line.answer, encode(line.usage))
            if not self._verify(line.miner, signed, line.signature):
                self._say("signature", "A miner's signature under a judged answer does not hold.", line.miner)
        elif (
            not line.score
            and line.code == Code.VALIDATOR_FAULT
            and (self._starts > 1 or line.question not in self._open)
        ):
            self._lost.add((line.question, line.miner))
            self._say("verdict", "An answer was lost when the validator started anew.", line.miner, note=True)
        elif (line.score, line.code) not in _silences():
            self._say("verdict", "A miner is judged without an answer, for more than silence.", line.miner)
        elif line.score:
            self._timeouts.append((self._line, line))

    def _check_chosen(self, line: Booked) -> None:
        """Whether a lot has chosen an audited call, in this epoch or at the end of the one before."""
        lots = self._lots
        if line.question not in lots and self._evidence.earlier is not None:
            earlier = map(decode_line, self._evidence.earlier)
            lots = {each.request: each for each in earlier if isinstance(each, Lot)}
        elif line.question not in lots and line.height < self._head.first_height:
            return self._say("verdict", "An audit is of the epoch before, which is not at hand.", note=True)
        lot = lots.get(line.question)
        if lot is None or not lot.taken or (lot.miner, lot.answer) != (line.miner, line.answer):
            self._say("verdict", "An audit is booked that no lot has chosen.", line.miner)
        return None

    def _take_target(self, line: Booked) -> bool:
        waiting = self._open.get(line.question)
        if waiting is not None and line.miner in waiting:
            waiting.discard(line.miner)
            return True
        if waiting is not None:
            return False
        if self._evidence.earlier is None:
            self._say("verdict", "A verdict is on a challenge of the epoch before, which is not at hand.", note=True)
            return True
        return (line.question, line.miner) in self._carried

    @cached_property
    def _carried(self) -> set[tuple[Hash, AccountId]]:
        """What the epoch before left without a verdict."""
        facts = self._facts
        return unjudged(self._evidence.earlier or (), facts.genesis, facts.netuid, facts.validator)

    def _check_lot(self, line: Lot) -> None:
        self._count("calls")
        self._check_secret(line.secret, line.round)
        standing = self._recount.book.get(line.miner, Standing())
        if line.request in self._lots or line.taken != lot_taken(line.secret, line.request, standing):
            self._say("lot", "A user's call was audited, or left alone, against its lot.", line.miner)
        self._lots[line.request] = line

    def _check_decay(self, line: Decayed) -> None:
        oldest = line.height - STALE_EPOCHS * (self._facts.tempo_blocks + 1)
        stale = {hotkey for hotkey, row in self._recount.book.items() if row.last_height < oldest}
        if set(line.miners) != stale or len(set(line.miners)) != len(line.miners):
            self._say("fade", "Scores faded that should not have, or stayed that should have faded.")

    def _check_weighed(self, line: Weighed) -> None:
        if not self._same_rules:
            return
        vector, problem = self._recount.vector(self._subnet, self._recount.view(line.height, line.block_hash))
        if problem:
            self._say("weights", problem, note=True)
        seats = {uid for uid, (_, since) in self._facts.seats.items() if since <= line.height}
        for uid in seats - set(self._recount.seats()):
            self._say("seats", f"Seat {uid} was held at that time, and the record does not know it.")
        told = None if not line.uids else WeightVector(line.uids, line.values)
        if told != vector or line.version_key != self._subnet.spec.version:
            untold = self._recount.untold
            self._say("weights", "The weights in the record are not those that its verdicts give.", note=untold)
        self._audit.computed = vector
        self._weighed = (self._line, line)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _check_end(self) -> None:
        if book_digest(encode_book(self._recount.book)) != self._head.after:
            self._say("book", "The score book at the end is not the one that the record's head commits to.")
        for number, line in self._timeouts:
            waiting_for = self._open.get(line.question)
            if waiting_for is not None and not waiting_for and not self._answered[line.question]:
                self._line = number
                self._say("verdict", "Silence is held against a miner though nobody answered.", line.miner)
        self._line = -1
        if self._audit.counts.get(UNSEEN):
            text = "This node did not follow the subnet then: stakes and permits are the validator's word."
            self._say("seats", text, note=True)
        waiting = {(name, miner) for name, targets in self._open.items() for miner in targets}
        if self._evidence.later is None:
            self._count("waiting", len(waiting))
            return
        for _, miner in sorted(waiting - set(self._later)):
            self._say("verdict", "A miner was asked and never judged: its verdict was dropped.", miner)
        for name, lot in sorted(self._lots.items()):
            if lot.taken and not {(name, lot.miner)} & (self._judged | set(self._later)):
                text = "A user's call was chosen for an audit and never judged."
                self._say("lot", text, lot.miner, note=self._starts > 1)

    @cached_property
    def _later(self) -> dict[tuple[Hash, AccountId], Booked]:
        """The verdicts of the epoch after, as far as it is at hand; those on this one's challenges are among them."""
        lines = map(decode_line, self._evidence.later or ())
        return {(line.question, line.miner): line for line in lines if isinstance(line, Booked)}

    def _check_receipts(self) -> None:
        """Compare what the validator has signed elsewhere with what it says here."""
        told = {**self._later, **{(line.question, line.miner): line for line in self._audit.booked}}
        for receipt in self._evidence.receipts:
            body = receipt.body
            ours = (body.genesis, body.netuid, body.caller) == (
                self._facts.genesis,
                self._facts.netuid,
                self._facts.validator,
            )
            if not ours or not self._head.first_height <= body.height <= self._head.last_height:
                continue
            if not receipt_holds(receipt, self._verify):
                self._say("receipt", "A receipt at hand does not hold and was left out.", note=True)
                continue
            self._count("receipts")
            line = told.get((body.request, body.miner))
            if line is None:
                if body.request in self._open and self._evidence.later is None:
                    continue  # judged in the next epoch, which is not at hand
                if body.request in self._open or body.request not in self._lots:
                    self._say(
                        "receipt", "The validator signed for an answer that its record does not judge.", body.miner
                    )
            elif (body.request, body.miner) not in self._lost and (line.answer, line.t_done_ms, line.usage) != (
                body.answer,
                body.t_done_ms,
                body.usage,
            ):
                self._say(
                    "receipt", "The validator signed for another answer, or another time, than it records.", body.miner
                )

    def _check_weights(self) -> None:
        """Compare the weights that the record gives with those that the chain took."""
        if self._weighed is None:
            return self._say("weights", "The record makes no weights in this epoch.", note=True)
        line = self._weighed[1]
        if line.commit:
            found = next((each for each in self._facts.weights if each.commit == line.commit), None)
            if found is None:
                where = "committed to and not revealed yet" if line.commit in self._facts.commits else "not on chain"
                return self._say("weights", f"The weights of this epoch are {where}.", note=True)
        else:
            after = (each for each in self._facts.weights if each.height > line.height and not each.commit)
            found = next(after, None)
        self._audit.on_chain = found
        if found is None and not line.uids:
            self._audit.weights_agree = True  # it abstained, and the chain has nothing of it
        elif found is None:
            text = (
                "The weights of this epoch are not on chain." if self._facts.whole else "Old blocks are not kept here."
            )
            self._say("weights", text, note=True)
        elif self._same_rules:
            self._audit.weights_agree = found.vector == self._audit.computed
            if not self._audit.weights_agree:
                self._say("weights", f"The weights on chain, of block {found.height}, are not those of the record.")

    def _say(self, kind: str, text: str, miner: AccountId | None = None, *, note: bool = False) -> None:
        if len(self._audit.findings) < FINDINGS_MAX:
            self._audit.findings.append(Finding(kind, text, self._line, miner, note))

    def _count(self, name: str, number: int = 1) -> None:
        self._audit.counts[name] = self._audit.counts.get(name, 0) + number


def _silences() -> frozenset[tuple[bytes, int]]:
    """How silence may be booked: score and code."""
    verdicts = (silence(True), silence(False))
    known = {(b"" if each.score is None else bits(each.score), int(each.code)) for each in verdicts}
    return frozenset(known)
