"""Commands for operators: status, logs, dead letters, pausing, publishing."""
