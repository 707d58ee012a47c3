"""The terminal UI: a client of the node's control API, quick to open and safe to close.

It sees the node only through `node.control`, paints from one plain model, and never stops a node unasked.
"""
