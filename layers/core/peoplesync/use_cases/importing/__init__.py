"""Import: Stripe's existing customers become people.

A job (see `use_cases.jobs`) that goes through Stripe's lists:

    start ──► list, each list with several readers ──► await ──► ask for who was not seen ──► await ──► finish

| module | |
|---|---|
| `runs` | what is known of a run, and where that is kept |
| `lists` | which of Stripe's lists a run reads, with which permissions |
| `reading_lists` | reading one list, page by page |
| `progress` | how much of a run is listed and applied, and why it failed |
| `steps` | the steps that the state machine takes |
"""
