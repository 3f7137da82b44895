"""JSON values damaged at one place."""

import copy

GONE = object()
"""Stands for a place that is taken out."""


def places(value, path=()):
    """Yield the path of everything inside a JSON value, the value itself first."""
    yield path
    items = enumerate(value) if isinstance(value, list) else ()
    for key, inner in value.items() if isinstance(value, dict) else items:
        yield from places(inner, (*path, key))


def damaged(value, path, odd):
    """Return the value with one place replaced, or taken out where `odd` is GONE."""
    if not path:
        return None if odd is GONE else odd
    changed = copy.deepcopy(value)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if odd is GONE:
        del holder[path[-1]]
    else:
        holder[path[-1]] = odd
    return changed
