"""Ingress: what comes in over HTTP is checked and put on a queue."""
