"""Recorded pumps, played as a market."""
