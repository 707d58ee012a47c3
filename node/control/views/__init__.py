"""The structs behind `node.control.schema`, one file an area."""
