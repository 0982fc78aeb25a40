"""The HTTP API: what the command line can, as documented resources for whoever may.

| module | |
|---|---|
| `resolver` | routes with their roles; who is let in, what is refused |
| `callers` | who asks, by their access token |
| `problems` | refusals as problem+json |
| `requests` | what clients send: JSON, cursors, ETags |
| `stack` | the use cases, wired once |
| `people`, `definitions`, `connections`, `runs`, `operating`, `reports` | the resources |
| `parameters` | what several resources are asked with |
| `refusals` | what use cases refuse, as problems |

`openapi.json` beside it is written by infra/describe_api.py, from the routes and infra/api_schemas.yaml.
"""
