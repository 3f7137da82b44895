"""Faults between a client and the exchange, on request or from a seed."""
