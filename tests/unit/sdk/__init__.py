"""Tests of the SDK: against a node that only talks, over a real socket."""
