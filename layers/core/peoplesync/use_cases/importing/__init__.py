"""Import: Stripe's existing customers become people.

A run lists what there is, puts it on the bulk queue in chunks, and waits until the worker has applied every
one of them. Each step can be killed and done again:

    start ──► list, each list with several readers ──► await ──► ask for who was not seen ──► await ──► finish

| module | |
|---|---|
| `runs` | what is known of a run, and where that is kept |
| `lists` | which of Stripe's lists a run reads, with which permissions |
| `reading_lists` | reading one list, page by page |
| `progress` | how much of a run is listed and applied, and what is missing |
| `steps` | the steps that the state machine takes |
"""
