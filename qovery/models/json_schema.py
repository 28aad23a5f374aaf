"""Additions to pydantic's JSON schemas of the models: descriptions, and enums that may grow."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, GetJsonSchemaHandler


def describe(model: type[Any], schema: dict[str, Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """The schema of a model, where each field without a description has its docstring.

    Pydantic reads the docstrings when a class is made, which costs a third of the start. Here the source is read when
    somebody asks for the schema. Without the source, there are no descriptions.
    """
    properties = handler.resolve_ref_schema(schema).get("properties", {})
    bases = (base for base in model.__mro__ if issubclass(base, BaseModel))
    while any("description" not in field for field in properties.values()) and (base := next(bases)) is not BaseModel:
        for name, text in _field_docstrings(base):
            if name in properties:
                properties[name].setdefault("description", text)
    return schema


def _field_docstrings(cls: type[Any]) -> Iterator[tuple[str, str]]:
    """The fields that a class declares with a docstring."""
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError, ValueError, SyntaxError):  # no source
        return
    for field, after in itertools.pairwise(getattr(tree, "body", ())):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def open_enum(schema: dict[str, Any], handler: GetJsonSchemaHandler) -> dict[str, Any]:
    """The schema of an enum, which names its members and permits every other string."""
    own = handler.resolve_ref_schema(schema)
    own["anyOf"] = [{"type": "string", "enum": own.pop("enum")}, {"type": "string"}]
    return schema
