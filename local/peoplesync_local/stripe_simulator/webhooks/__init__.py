"""Webhook endpoints, and events delivered to them."""
