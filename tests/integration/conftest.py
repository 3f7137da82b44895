"""The AWS stand-in for all integration tests."""

from support.local_stack import aws

__all__ = ["aws"]
