"""Measurements behind the README's figures: `make bench` writes them to results.json."""
