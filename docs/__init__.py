"""The pages, and the programs that write their tables and worked examples. Not part of what is installed."""
