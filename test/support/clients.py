"""Clients for the servers of tests."""

from __future__ import annotations

import base64
from typing import Any, Protocol

from qovery import ApiClient, Configuration, EnvironmentSecretApi

#: A JSON Web Token, which the client recognises by its form.
JWT = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=") + ".e30.c2ln"


class HasUrl(Protocol):
    """A server with a URL: a hostile or recording server, or the sandbox."""

    @property
    def url(self) -> str: ...


def client_for(server: HasUrl | str, **settings: Any) -> EnvironmentSecretApi:
    """Create an API for a server, with a token unless the settings have credentials. The caller closes its client."""
    if not {"access_token", "api_key"} & settings.keys():
        settings["access_token"] = "a-token"
    url = server if isinstance(server, str) else server.url
    return EnvironmentSecretApi(ApiClient(Configuration(host=url, **settings)))


class Connect(Protocol):
    """The type of the fixture `connect`."""

    def __call__(self, server: HasUrl | str, **settings: Any) -> EnvironmentSecretApi: ...
