"""The command line: `peoplesync ...`."""
