"""Subnet Nineteen: text generation by pinned language models, fast and provably by those models."""

from node.subnets.nineteen.subnet import Nineteen

__all__ = ["Nineteen"]
