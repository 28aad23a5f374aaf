"""Create urllib3's manager for a route: direct, through an HTTP or HTTPS proxy, or through SOCKS."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import urllib3
from urllib3.util import make_headers

from qovery.exceptions import ApiValueError, MissingExtraError
from qovery.origins import raise_from_signal_handler
from qovery.route import Route


def manager(route: Route, options: dict[str, Any]) -> urllib3.PoolManager:
    """Return the manager that creates the route's pool.

    Raises:
        ApiValueError: The proxy's settings cannot be used.
        MissingExtraError: The proxy is a SOCKS proxy and the extra `socks` is not installed.
    """
    url = route.proxy_url
    if url is None:
        return urllib3.PoolManager(**options)
    user, password = (None if part is None else unquote(part) for part in (url.username, url.password))
    if url.scheme.startswith("socks"):
        return _socks_manager(url.geturl(), user, password, options)
    headers = {name: value.reveal() for name, value in route.proxy_headers}
    try:
        if user is not None:
            headers.update(make_headers(proxy_basic_auth=f"{user}:{password or ''}"))
        return urllib3.ProxyManager(
            url._replace(netloc=url.netloc.rpartition("@")[2]).geturl(),
            proxy_headers=headers,
            proxy_ssl_context=route.proxy_ssl_context,
            **options,
        )
    except (ValueError, urllib3.exceptions.HTTPError) as error:
        raise_from_signal_handler(error)  # other texts show the URL
    raise ApiValueError("proxy cannot be used: check its URL, and that user and password are ASCII or latin-1")


def _socks_manager(url: str, user: str | None, password: str | None, options: dict[str, Any]) -> urllib3.PoolManager:
    try:
        from urllib3.contrib.socks import SOCKSProxyManager
    except ImportError as error:
        raise_from_signal_handler(error)
        from qovery.extras import missing  # only this error needs it

        problem = missing("a SOCKS proxy", "socks")
    else:
        return SOCKSProxyManager(url, user, password, **options)
    raise MissingExtraError(problem)
