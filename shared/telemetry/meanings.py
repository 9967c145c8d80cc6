"""The meaning of each member of a closed set: the comment behind it in the source."""

import ast
import inspect
import io
import textwrap
import tokenize
from enum import StrEnum
from functools import cache


@cache
def meanings(closed_set: type[StrEnum]) -> dict[str, str]:
    """Return the comment of each member, by value, in the order of the source.

    Raises:
        ValueError: a member has no comment.
    """
    lines = textwrap.dedent(inspect.getsource(closed_set))
    comments = {
        token.start[0]: token.string.lstrip("# ")
        for token in tokenize.generate_tokens(io.StringIO(lines).readline)
        if token.type == tokenize.COMMENT
    }
    (body,) = ast.parse(lines).body
    found: dict[str, str] = {}
    for node in ast.walk(body):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            member = closed_set[node.targets[0].id]
            comment = comments.get(node.lineno, "")
            # A remark to the linter comes with the meaning behind its dash.
            found[member.value] = comment.split(" - ", 1)[-1] if "noqa" in comment else comment
    if not all(found.values()):
        raise ValueError(f"a member of {closed_set.__name__} has no comment")
    return found
