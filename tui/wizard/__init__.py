"""The first run: a few pages from a welcome to a node that works. Pages are chosen by `flow`, which draws nothing."""
