"""`Key`: the request for an alias."""

from qovery.models.request_model import Description, NullableFlag, RequestModel, Text


class Key(RequestModel):
    """The request for an alias: another key for a secret of a higher scope."""

    key: Text
    """The key of the alias; case-sensitive."""
    description: Description = None
    """A free-text note, at most 255 characters."""
    enable_interpolation_in_file: NullableFlag = None
    """Whether `{{OTHER_KEY}}` in a file's content is replaced."""
