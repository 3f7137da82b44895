"""Mutation testing of the domain: small faults are planted, one at a time, and tests must notice.

`mutmut` plants the faults and runs the tests that reach each one; this package chooses a sample of
them, sets the stage, and reports. docs/testing.md says how to read the result.
"""
