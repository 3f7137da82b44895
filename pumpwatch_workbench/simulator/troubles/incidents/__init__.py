"""Incidents on an exchange: to positions, orders and the market."""
