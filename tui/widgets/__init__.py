"""One widget a file; none of them knows a screen or the node."""
