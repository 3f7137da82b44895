"""The live page: what an installation does, in a browser, while it does it."""
