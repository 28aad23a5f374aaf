"""`ResponseModel`: the base of response models."""

# No `from __future__ import annotations`, as in `model`.

import math
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict

from qovery.models.model import Model


def _finite(value: Any) -> Any:
    """Reject NaN and infinity, which are not JSON, although pydantic reads them."""
    if isinstance(value, dict):
        _finite(list(value.values()))
    elif isinstance(value, list):
        for item in value:
            _finite(item)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN and infinity are no JSON")
    return value


class ResponseModel(Model):
    """The base of response models: unknown fields are kept, limits are not enforced."""

    model_config = ConfigDict(extra="allow")

    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(_finite)]]
