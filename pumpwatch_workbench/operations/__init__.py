"""Operation of a deployed stack from a laptop."""
