"""Kinds of the subnet Chutes: points for waking a cold chute."""

from node.subnets.chutes.scoring import bounty
from tests.conformance.cases import Handler

KINDS: dict[str, Handler] = {"chute_bounty": lambda case: bounty(float(case["seconds_waiting"]))}
