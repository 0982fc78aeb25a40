"""The CloudWatch dashboard as a picture, drawn from what the local stack's functions logged.

The emulator keeps a dashboard but draws none, and makes no metrics of log lines. So the same file that is
deployed, infra/dashboard.json, is drawn here from the same lines that CloudWatch would read.
"""
