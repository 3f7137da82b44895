"""Incidents on an exchange besides orders: to positions, orders and the market."""
