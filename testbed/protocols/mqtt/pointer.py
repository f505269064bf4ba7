"""JSON pointers (RFC 6901): a place in a document, to read and to write."""

from __future__ import annotations

from typing import Any


def tokens_of(pointer: str) -> tuple[str, ...]:
    """Return the reference tokens of a pointer, which is empty or begins with a slash."""
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:])


def look_up(document: Any, tokens: tuple[str, ...]) -> Any:
    """Return what is at a place; raises KeyError when there is nothing."""
    for token in tokens:
        if isinstance(document, dict):
            document = document[token]
        elif (
            isinstance(document, list) and token.isascii() and token.isdigit() and int(token) < len(document)
        ):
            document = document[int(token)]
        else:
            raise KeyError(token)
    return document


def put(document: Any, tokens: tuple[str, ...], value: Any) -> Any:
    """Return the document with a value at a place, whatever has to be made on the way there.

    A token of digits makes an array, filled up with null.
    """
    if not tokens:
        return value
    token, rest = tokens[0], tokens[1:]
    if token.isascii() and token.isdigit() and not isinstance(document, dict):
        array = document if isinstance(document, list) else []
        array += [None] * (int(token) + 1 - len(array))
        array[int(token)] = put(array[int(token)], rest, value)
        return array
    members = document if isinstance(document, dict) else {}
    members[token] = put(members.get(token), rest, value)
    return members
