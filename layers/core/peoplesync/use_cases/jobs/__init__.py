"""Jobs: what an import and a re-evaluation have in common.

A run goes through lists, page by page, puts what they show on the bulk queue in chunks, and waits until the
worker has applied every one of them. Each step can be killed and done again:

    start ──► enqueue pages ──► look at the queue ──► enqueue again what is missing, once ──► end

| module | |
|---|---|
| `runs` | what is known of a run, where that is kept, and who goes on with it |
| `cursor` | how far a shard of an index is gone through |
| `pages` | putting a page on the queue; which pages have chunks missing |
| `members` | putting an index on the queue, shard by shard |
| `progress` | how much of a run is enqueued and applied |
| `job` | beginning a run or going on with one, looking at the queue, and a run's end |
| `overview` | runs as public JSON, for watching them |
"""
