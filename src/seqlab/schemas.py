"""Files that this program wrote and reads again: each has one schema, and what is wrong with it is one line.

A schema is a plain type that stands with the file's reader: a TypedDict, most often. Pydantic, which holds a
value against it, is loaded when such a file is read, not before.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from annotated_types import Gt, Interval
from typing_extensions import TypedDict

from seqlab.errors import UserError, shown

SHORT = 80  # characters of a field's name and of its value in a message


class Reads:
    """Marks a value in a schema that a function must be able to read; whatever it raises is told."""

    def __init__(self, function: Callable[[Any], Any], *, replaces: bool = False) -> None:
        self.function = function
        self.replaces = replaces  # what it gives takes the value's place

    def __get_pydantic_core_schema__(self, kind: Any, handler: Any) -> Any:
        from pydantic_core.core_schema import no_info_after_validator_function

        return no_info_after_validator_function(self._read, handler(kind))

    def _read(self, value: Any) -> Any:
        try:
            found = self.function(value)
        except Exception as error:  # a damaged value can break code of any kind
            lacks = " is missing" if isinstance(error, KeyError) else ""
            raise ValueError((str(error) or type(error).__name__) + lacks) from error
        return found if self.replaces else value


class FieldsOf(Reads):
    """Marks a dict in a schema that holds the fields of a dataclass, each of its type."""

    def __init__(self, kind: type) -> None:
        super().__init__(lambda values: kind(**values))
        self.kind = kind

    def __get_pydantic_core_schema__(self, kind: Any, handler: Any) -> Any:
        fields = TypedDict(self.kind.__name__, get_type_hints(self.kind, include_extras=True))  # type: ignore[misc]
        return super().__get_pydantic_core_schema__(kind, lambda _: handler.generate_schema(fields))


def _check_finite(number: float) -> None:
    if not math.isfinite(number):
        raise ValueError("no finite number")


Finite = Annotated[float, Reads(_check_finite)]
Positive = Annotated[Finite, Gt(0)]
Count = Annotated[int, Interval(ge=0, lt=2**31)]
Number = Annotated[int, Interval(ge=0, lt=2**63)]
Moment = Annotated[int, Interval(ge=-(2**63), lt=2**63)]
Size = Annotated[int, Interval(ge=1, lt=2**31)]


def check_sizes(sizes: Mapping[str, Any], **found: int) -> None:
    """Raise UserError where a checkpoint's sizes are not those that its data has."""
    for name, number in found.items():
        if sizes.get(name) != number:
            raise UserError(f"sizes.{name} is {shown(sizes.get(name))}, and its data has {number:,}")


def checked(schema: Any, value: Any, where: str | Path, remedy: str) -> Any:
    """A value as its schema has it: keys that the schema does not name are kept, and tuples may be lists.

    Args:
        where: the file, and what of it.
        remedy: what to do about a damaged one.

    Raises:
        UserError: the first field that does not fit; names it, what stands there and what should.
    """
    try:
        return fitted(schema, value)
    except UserError as error:
        raise UserError(f"{where}: {error}; {remedy}") from None


def fitted(schema: Any, value: Any) -> Any:
    """The same for part of a file: the error names no file."""
    from pydantic import ValidationError

    try:
        return _adapter(schema).validate_python((value,))[0]
    except ValidationError as error:
        raise UserError(_told(error)) from None


def read_json(schema: Any, path: Path, remedy: str) -> Any:
    """A JSON file as its schema has it.

    Raises:
        FileNotFoundError: each reader says itself what is missing then.
        UserError: no JSON, or a field that does not fit.
    """
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {shown(error)}; {remedy}") from None
    return checked(schema, value, path, remedy)


@lru_cache
def _adapter(schema: Any) -> Any:
    from pydantic import ConfigDict, TypeAdapter

    # the settings of a tuple hold for what is in it; a TypedDict alone takes none
    return TypeAdapter(tuple[schema], config=ConfigDict(extra="allow", arbitrary_types_allowed=True))


def _told(error: Any) -> str:
    """The first mistake that pydantic found: the field, what stands there, what should."""
    first, *others = error.errors(include_url=False)
    names = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"][1:]]
    field = _short("".join(names).removeprefix(".")) or "it"
    reason = shown(str(first["msg"]).removeprefix("Value error, "))
    more = f" (and {len(others):,} more)" if others else ""
    if first["type"] == "missing":
        return f"{field} is missing{more}"
    if first["type"] != "value_error":  # pydantic's own words
        reason = f"{reason[:1].lower()}{reason[1:]}"
    return f"{field}{_seen(first['input'])}: {reason}{more}"


def _seen(value: Any) -> str:
    """`` is 5``; of what holds more than one value only what it is, and of a mapping nothing."""
    if isinstance(value, dict):
        return ""
    if value is None or isinstance(value, str | float | bool):
        return f" is {_short(repr(value))}"
    is_number = isinstance(value, int) and value.bit_length() < 256
    return f" is {value}" if is_number else f" is a {type(value).__name__}"


def _short(text: str) -> str:
    return shown(text) if len(text) <= SHORT else f"{shown(text[:SHORT])}..."
