"""What a traceback could show of an error: its lines and the variables of our frames."""

import traceback


def everything_shown(error):
    """Return the traceback's text, and the variables in each of the product's own frames."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [f for f in frames if f.f_globals["__name__"].startswith("pumpwatch")]
    assert ours
    lines = traceback.format_exception(error)
    return "".join(lines) + repr([frame.f_locals for frame in ours])
