"""Billing: periods, prices, invoices, payments, and what follows from them."""
