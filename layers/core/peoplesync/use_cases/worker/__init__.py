"""The worker: messages are parsed, folded into people and written. Only it writes people."""
