"""Why a call on authorities, bonds or evidence fails."""

from node.ledger.errors.base import CallError


class NotAuthority(CallError):
    sentence = "The account is no authority."
    remedy = "Name an account of the present authority set."


class AuthorityChangePending(CallError):
    sentence = "A change of the authority set is under way; one follows the other."
    remedy = "Try again when that change is in force."


class AuthoritiesNotSorted(CallError):
    sentence = "Authorities are listed by ascending account, each once."
    remedy = "Sort the list by account and name nobody twice."


class TooFewAuthorities(CallError):
    sentence = "The set would be smaller than this network allows."
    remedy = "Keep or name more authorities."


class AuthoritiesUnchanged(CallError):
    sentence = "This is the present authority set."
    remedy = "Nothing is left to do."


class AuthorityChangeTooLarge(CallError):
    sentence = "More than a third of the weight would change at once."
    remedy = "Change the set in several steps."


class PosAlreadyScheduled(CallError):
    sentence = "The move to proof of stake is scheduled already."
    remedy = "Abort it first."


class PosScheduleTooEarly(CallError):
    sentence = "The move to proof of stake needs more notice."
    remedy = "Choose the authority epoch that the message names, or a later one."


class PosJointPhaseTooShort(CallError):
    sentence = "The joint phase is too short."
    remedy = "Choose a longer one."


class PosNotScheduled(CallError):
    sentence = "No move to proof of stake is scheduled."
    remedy = "Nothing is left to abort."


class PosAbortTooLate(CallError):
    sentence = "The joint phase is over: there is no way back."
    remedy = "Nothing can be done: the network goes on under proof of stake."


class StakeDecides(CallError):
    sentence = "This network is under proof of stake: bonds make the set, no proposal does."
    remedy = "Bond or unbond; evidence removes who misbehaves."


class NotValidator(CallError):
    sentence = "The hotkey has no bond large enough for a validator."
    remedy = "Bond more behind it with bond_authority."


class ShadowVoteElsewhere(CallError):
    sentence = "The named block is not on this chain, or too old."
    remedy = "Name one of the last 4096 blocks."


class BondTooSmall(CallError):
    sentence = "Only an authority has a bond smaller than that of a validator."
    remedy = "Bond at least as much as the message names."


class NotEnoughBond(CallError):
    sentence = "The bond does not hold that much."
    remedy = "Unbond a smaller amount."


class TooManyUnbondings(CallError):
    sentence = "As many parts of this bond are unbonding as may be at one time."
    remedy = "Withdraw what is due, or wait."


class NothingUnbonded(CallError):
    sentence = "No part of this bond is due."
    remedy = "Ask for a part back with unbond_authority, or wait until it is due."


class AuthorityIsBonded(CallError):
    sentence = "The hotkey is an authority or has a bond, and stays liable for what it signed."
    remedy = "Leave the authority set, unbond and withdraw first."


class EvidenceMalformed(CallError):
    sentence = "These bytes are no evidence."
    remedy = "Encode it again from the two signed statements."


class EvidenceInvalid(CallError):
    sentence = "This evidence convicts nobody."
    remedy = "Bring two contradicting statements that one authority signed for the same place."


class EvidenceTooOld(CallError):
    sentence = "The offence is older than evidence may be."
    remedy = "Nothing can be done: so old an offence is not punished any more."


class DuplicateEvidence(CallError):
    sentence = "The authority was convicted for that time already."
    remedy = "Nothing is left to do."
