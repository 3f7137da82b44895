"""Operate a deployed stack from a laptop."""
