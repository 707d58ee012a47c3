"""The SDK: what a program of a user does with a node, blocking or awaited, with amounts that know their unit.

It speaks to a running node over the control API and signs in the program's own process. `neurond` re-exports it;
nothing of the node imports it. It must never send a key, a password or recovery words anywhere.
"""
