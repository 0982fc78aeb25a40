"""The rules of peoplesync, on plain values.

Nothing here knows AWS, the Stripe client, a clock or the environment: the standard library is all it
imports. Instants are whole Unix seconds in UTC; amounts are Stripe's integers in the minor unit unless
a name says otherwise.
"""
