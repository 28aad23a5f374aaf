"""Requests that belong to the current test, and late ones of an earlier test."""

from __future__ import annotations

import pytest

from qovery import ApiException, EnvironmentSecretApi, NotFoundException
from qovery.sandbox import Sandbox
from qovery.sandbox.scenario import MAX_REQUESTS, MAX_RETIRED, Entry, Scenario
from qovery.sandbox.store import Behaviour


@pytest.fixture
def behaviour() -> Behaviour:
    return "documented"


def entry(path: str) -> Entry:
    return Entry("GET", path, "a client", "list_environment_secrets")


def test_record__is_updated() -> None:
    """A request is recorded on arrival, and its record is updated afterwards."""
    scenario = Scenario(None)
    arrived = entry("/")
    scenario.record(arrived)
    (seen,) = scenario.requests()
    assert (seen.method, seen.path, seen.client, seen.operation) == ("GET", "/", "a client", "list_environment_secrets")
    assert (seen.status, seen.applied) == (None, False)
    arrived.status, arrived.applied = 200, True
    assert scenario.requests() == [seen._replace(status=200, applied=True)]


def test_requests__the_last() -> None:
    """The oldest records are dropped when there are too many."""
    scenario = Scenario(None)
    for number in range(MAX_REQUESTS + 1):
        scenario.record(entry(str(number)))
    paths = [request.path for request in scenario.requests()]
    assert (len(paths), paths[0], paths[-1]) == (MAX_REQUESTS, "1", str(MAX_REQUESTS))


def test_next__remembers_environments() -> None:
    """Environments of earlier scenarios are remembered, up to a limit, to detect late requests."""
    first = Scenario(frozenset({"t"}))
    third = first.next(["a"]).next(["b"])
    assert (first.is_over, third.is_over) == (True, False)
    assert third.faults.tokens == third.apart().faults.tokens == {"t"}
    assert [third.has_retired(environment_id) for environment_id in "abc"] == [True, True, False]
    many = third.next(map(str, range(MAX_RETIRED)))
    assert [many.has_retired(environment_id) for environment_id in ("b", "0", "1")] == [False, True, True]


def test_late_request__is_not_counted(sandbox: Sandbox, api: EnvironmentSecretApi, env: str) -> None:
    """A late request of an earlier test triggers no fault or rate limit, and is not recorded."""
    sandbox.reset()
    sandbox.fail(status=418)
    sandbox.rate_limit(1, per=3600)
    with pytest.raises(NotFoundException):
        api.list_environment_secrets(env)
    assert sandbox.requests == []
    with pytest.raises(ApiException, match="418"):
        api.list_environment_secrets(sandbox.environment_id)
    sandbox.add_environment(env.upper())  # the id is used again
    sandbox.rate_limit(None)
    api.list_environment_secrets(env)
    assert [request.status for request in sandbox.requests] == [418, 200]
    sandbox.reset()
    sandbox.load({"environments": [{"id": env}]})
    api.list_environment_secrets(env)
    assert len(sandbox.requests) == 1
