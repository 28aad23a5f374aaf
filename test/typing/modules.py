"""What type checkers make of the names of the package after `import qovery`. Checked by mypy and pyright, never run."""

from __future__ import annotations

from typing_extensions import assert_type

import qovery
from qovery import SecretReqest  # type: ignore[attr-defined] # pyright: ignore # noqa: F401 - misspelt
from qovery.exceptions import ApiExeption  # type: ignore[attr-defined] # pyright: ignore # noqa: F401 - misspelt
from qovery.models import Sekret  # type: ignore[attr-defined] # pyright: ignore # noqa: F401 - misspelt
from qovery.sandbox import Sandbx  # type: ignore[attr-defined] # pyright: ignore # noqa: F401 - misspelt
from qovery.sync import plan_secret  # type: ignore[attr-defined] # pyright: ignore # noqa: F401 - misspelt


def check_modules() -> None:
    assert_type(qovery.rest.ApiException(), qovery.ApiException)
    assert_type(qovery.exceptions.ApiException(), qovery.ApiException)
    assert_type(qovery.models.Value(), qovery.Value)
    assert_type(qovery.configuration.Configuration(), qovery.Configuration)
    assert_type(qovery.api_client.ApiClient(), qovery.ApiClient)
    assert_type(qovery.api.EnvironmentSecretApi(), qovery.EnvironmentSecretApi)
    assert_type(qovery.sandbox.Sandbox().url, str)
    assert_type(qovery.sync.plan_secrets(qovery.EnvironmentSecretApi(), "e", {}), qovery.sync.Plan)


def check_misspelt() -> None:
    qovery.Sekret  # type: ignore[attr-defined] # pyright: ignore # noqa: B018 - misspelt
    qovery.rest.ApiExeption  # type: ignore[attr-defined] # pyright: ignore # noqa: B018 - misspelt
    qovery.sandbox.Sandbx  # type: ignore[attr-defined] # pyright: ignore # noqa: B018 - misspelt
    qovery.sink  # type: ignore[attr-defined] # pyright: ignore # noqa: B018 - misspelt
