"""The deployed stack on a person's machine: real template, real handlers, an AWS stand-in."""
