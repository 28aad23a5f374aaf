"""`SecretEditRequest`: the request that changes a secret."""

from qovery.models.request_model import Description, NullableFlag, RequestModel, SecretText, Text


class SecretEditRequest(RequestModel):
    """The request that changes a secret. Scope and mount path cannot be changed."""

    key: Text
    """The key, which the service always wants; an override's key must stay what it is."""
    value: SecretText = None  # type: ignore[assignment] # a descriptor for type checkers
    """The new value; left out, the stored one stays. It is masked wherever the model is shown."""
    description: Description = None
    """A free-text note, at most 255 characters."""
    enable_interpolation_in_file: NullableFlag = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""
