"""Read what a control call asks for: what faults and incidents have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, TypeVar

from pydantic import Field, StrictInt, TypeAdapter, ValidationError

LARGEST = 10**12
Form = TypeVar("Form")
Schedule = TypeVar("Schedule")
Whole = Annotated[StrictInt, Field(ge=0, le=LARGEST)]
Signed = Annotated[StrictInt, Field(ge=-LARGEST, le=LARGEST)]
SEED = TypeAdapter[int](Signed)


class TroubleError(ValueError):
    """A fault or incident is described wrongly or cannot happen now; the text says why."""


def read(form: TypeAdapter[Form], value: object, name: str = "") -> Form:
    """Return what a JSON value means. Raises `TroubleError`."""
    try:
        return form.validate_python(value)
    except ValidationError as error:
        problem = error.errors()[0]
        where = name or ".".join(map(str, problem["loc"]))
        text = problem["msg"].replace("Input", "it")
        raise TroubleError(f"{where}: {text}, not {problem['input']!r}") from None


def read_schedule(document: Mapping[str, object], schedule: Callable[..., Schedule]) -> Schedule:
    """Return the schedule that `seed`, `rate` and `kinds` of a document describe."""
    seed = read(SEED, document["seed"], "seed")
    options = {name: document[name] for name in ("rate", "kinds") if name in document}
    return schedule(seed, **options)
