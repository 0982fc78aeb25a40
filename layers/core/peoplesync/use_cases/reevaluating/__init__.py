"""Re-evaluation: after segments or fields changed, everybody is evaluated again.

A run walks the index of all people, puts them on the bulk queue in chunks, and waits until the worker has
looked at each of them. Each step can be killed and done again:

    start ──► hand out people, shard by shard ──► await ──► finish

| module | |
|---|---|
| `runs` | what is known of a run, and where that is kept |
| `handing_out` | putting people on the queue, page by page |
| `steps` | the steps that the state machine takes |
| `overview` | runs as those who watch them see them |
"""
