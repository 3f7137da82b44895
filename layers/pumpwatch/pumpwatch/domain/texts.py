"""Text that others wrote, made fit to be stored and shown."""


def one_line(text: str, most: int) -> str:
    """Return what is printable of the first `most` characters, on one line."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[:most])
    return " ".join(printable.split())
