"""`Value`: the request for an override."""

from qovery.models.request_model import Description, NullableFlag, RequestModel, SecretText


class Value(RequestModel):
    """The request for an override: another value for a secret of a higher scope."""

    value: SecretText = None  # type: ignore[assignment] # a descriptor for type checkers
    """The value in this environment; it is masked wherever the model is shown."""
    description: Description = None
    """A free-text note, at most 255 characters."""
    enable_interpolation_in_file: NullableFlag = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""
