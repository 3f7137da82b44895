"""A seeded market with pumps, spikes and crashes."""
