"""Counting: a struct of counters, each with words for what it counts, told as rows.

Based upon by the counts of each door; read for the metrics.
Never labelled.
Nothing here fails.
"""

from collections.abc import Iterator
from functools import cache

import msgspec


class Counters(msgspec.Struct):
    """Each field is Annotated[int, Meta(description=...)], 0 at first."""

    def rows(self) -> Iterator[tuple[str, str, int]]:
        """(name, what it counts, value) of each."""
        for name, about in _about(type(self)):
            yield name, about, getattr(self, name)


@cache
def _about(kind: type[Counters]) -> list[tuple[str, str]]:
    found = []
    for field in msgspec.structs.fields(kind):
        info = msgspec.inspect.type_info(field.type)
        schema = info.extra_json_schema if isinstance(info, msgspec.inspect.Metadata) else None
        found.append((field.name, str((schema or {})["description"])))
    return found
