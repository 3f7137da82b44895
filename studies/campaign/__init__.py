"""Thousands of small seeded worlds in which everything goes wrong, and a promise that must hold."""
