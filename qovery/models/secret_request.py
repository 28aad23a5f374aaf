"""`SecretRequest`: the request for a new secret."""

from qovery.models.request_model import Description, NullableFlag, NullableText, RequestModel, SecretText, Text


class SecretRequest(RequestModel):
    """The request for a new secret of an environment."""

    key: Text
    """The key; case-sensitive."""
    value: SecretText = None  # type: ignore[assignment] # a descriptor for type checkers
    """The value; the service never gives it back, and it is masked wherever the model is shown."""
    mount_path: NullableText = None
    """Where an application finds the value as a file; only for secrets that are files."""
    description: Description = None
    """A free-text note, at most 255 characters."""
    enable_interpolation_in_file: NullableFlag = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""
