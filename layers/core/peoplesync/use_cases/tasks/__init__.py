"""Tasks: the long work that readers ask for, whose result is kept for a while.

A *query* says who of everybody matches a rule, a *verification* whether people are what Stripe says, a
*reconciliation* reads what the webhook missed. A run takes turns, one after the other, until it is done:

    start ──► turn ──► turn ──► … ──► end

Its row holds what was asked for and how far it has come, and is only written by who has read its newest
version: whoever stops a run, goes on with it or ends it makes all others notice at their next write.

| module | |
|---|---|
| `runs` | what is known of a run, and where that is kept |
| `steps` | the turns that the state machine has a run take |
| `querying`, `sorting`, `verification`, `reconciliation` | what a turn of each kind does |
| `asking` | starting, stopping and resuming a run |
| `overview` | runs as public JSON, and a query's answer in pages |
"""
