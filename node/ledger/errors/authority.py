"""Why a call on authorities, bonds or evidence fails."""

from node.ledger.errors.base import CallError


class NotAuthority(CallError):
    sentence = "The account is no authority."


class AuthorityChangePending(CallError):
    sentence = "A change of the authority set is under way; one follows the other."


class AuthoritiesNotSorted(CallError):
    sentence = "Authorities are listed by ascending account, each once."


class TooFewAuthorities(CallError):
    sentence = "The set would be smaller than this network allows."


class AuthoritiesUnchanged(CallError):
    sentence = "This is the present authority set."


class AuthorityChangeTooLarge(CallError):
    sentence = "More than a third of the weight would change at once."
    remedy = "Change the set in several steps."


class PosAlreadyScheduled(CallError):
    sentence = "The move to proof of stake is scheduled already."
    remedy = "Abort it first."


class PosScheduleTooEarly(CallError):
    sentence = "The move to proof of stake needs more notice."


class PosJointPhaseTooShort(CallError):
    sentence = "The joint phase is too short."


class PosNotScheduled(CallError):
    sentence = "No move to proof of stake is scheduled."


class PosAbortTooLate(CallError):
    sentence = "The joint phase is over: there is no way back."


class NotEnoughBond(CallError):
    sentence = "The bond does not hold that much."


class TooManyUnbondings(CallError):
    sentence = "As many parts of this bond are unbonding as may be at one time."
    remedy = "Withdraw what is due, or wait."


class NothingUnbonded(CallError):
    sentence = "No part of this bond is due."


class AuthorityIsBonded(CallError):
    sentence = "The hotkey is an authority or has a bond, and stays liable for what it signed."
    remedy = "Leave the authority set, unbond and withdraw first."


class EvidenceMalformed(CallError):
    sentence = "These bytes are no evidence."


class EvidenceInvalid(CallError):
    sentence = "This evidence convicts nobody."


class EvidenceTooOld(CallError):
    sentence = "The offence is older than evidence may be."


class DuplicateEvidence(CallError):
    sentence = "The authority was convicted for that time already."
