"""Thousands of small seeded worlds in which everything goes wrong, and what must stay true."""
