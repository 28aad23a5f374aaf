"""What is secret, how it is found in foreign text, and how no frame leaves with an error."""

from __future__ import annotations

from pydantic import BaseModel

from qovery.redaction.marks import MASKED


def masked_values(model: BaseModel) -> list[str]:
    """The texts of a model's fields that are marked as secrets."""
    fields = type(model).model_fields
    values = [getattr(model, name) for name, field in fields.items() if MASKED in field.metadata]
    return [value for value in values if isinstance(value, str)]
