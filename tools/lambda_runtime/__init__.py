"""The built functions under Lambda's own runtime client, on this machine."""
