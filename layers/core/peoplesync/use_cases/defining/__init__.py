"""Define: custom segments and fields.

People have to be evaluated again only where a change can move anybody: the version of the definitions rises
then, and does not for a new title.
"""
