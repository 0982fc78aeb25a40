"""Re-evaluation: after segments or fields changed, everybody is evaluated again.

A job (see `use_cases.jobs`) whose only list is the index of all people:

    start ──► enqueue people, shard by shard ──► await ──► finish

| module | |
|---|---|
| `runs` | what is known of a run, and how far it has come |
| `steps` | the steps that the state machine takes |
| `overview` | runs as public JSON, for watching them |
"""
