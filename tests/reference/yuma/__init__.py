"""Yuma Consensus written plainly, one Python integer at a time: what the arrays of `node.economics.yuma` must equal.

Input, output and vectors are the product's own; matrices are dicts. It is slow and meant to be read.
"""
