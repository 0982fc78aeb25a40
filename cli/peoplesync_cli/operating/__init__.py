"""Commands for who operates the stack: status, logs, dead letters, pausing, publishing."""
