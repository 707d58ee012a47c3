"""Subnet Chutes: a market of declarative ONNX bundles, run by miners and verified by running them again.

A chute is data, never code: a graph of standard operators, steps out of a fixed list before and after it, and a price.
"""
