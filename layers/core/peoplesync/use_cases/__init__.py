"""The use cases: what peoplesync does, in terms of ports that `adapters` implement."""
