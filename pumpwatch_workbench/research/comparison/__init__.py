"""Live or paper trading against the simulation of the same period."""
