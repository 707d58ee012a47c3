"""Where a miner's answers are computed: in this process, on an OpenAI-compatible server, or on a Ray cluster.

One small interface, `TextRuntime`; what it draws is judged by validators in the same way wherever it was drawn. Roles
choose a back end by one line of text. Never judges anything itself, and never holds a key of the node.
"""

from node.compute.choice import IN_PROCESS, Backend, parse_backend

__all__ = ["IN_PROCESS", "Backend", "parse_backend"]
