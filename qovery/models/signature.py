"""The signatures of the models' constructors, without what is for pydantic alone."""

from __future__ import annotations

from inspect import Signature
from typing import Annotated, Any, get_args, get_origin

from pydantic import FailFast, Strict

from qovery.redaction.marks import MASKED


def plain(signature: Signature) -> Signature:
    """The signature with the types of the fields, and those of their limits that other libraries know.

    A library that reads the arguments as texts, as FastAPI's `Depends` does, must not be strict about their types.
    """
    parameters = [one.replace(annotation=_plain(one.annotation)) for one in signature.parameters.values()]
    return signature.replace(parameters=parameters)


def _plain(annotation: Any) -> Any:
    if get_origin(annotation) is not Annotated:
        return annotation
    base, *limits = get_args(annotation)
    limits = [one for one in limits if not isinstance(one, (FailFast, Strict)) and one is not MASKED]
    return Annotated[(base, *limits)] if limits else base
