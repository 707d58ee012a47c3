"""The command line, one file a group of commands. Every command is a few lines over `node.control`.

Data goes to standard output, narration to standard error; `--json` makes the data JSON with the keys of
`node.control.schema`. Modules are imported when their command runs, so that `--help` stays quick.
"""
