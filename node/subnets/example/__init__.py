"""The smallest whole subnet, which `neurond subnet new` copies: miners double a number and seal the result."""

from node.subnets.example.subnet import Doubling

__all__ = ["Doubling"]
