"""All models: import paths, JSON, copies, validation errors and first use."""

from __future__ import annotations

import copy
import importlib
import json
import pickle
import re
import subprocess
import sys
from typing import Any

import pytest

import qovery
import qovery.models
from qovery import (
    ApiValidationError,
    SecretRequest,
)
from test.support import NIGHTLY, PATIENCE
from test.support.examples import ENUMS, EXAMPLES
from test.support.recording import SECRET

each_model = pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)


@pytest.mark.parametrize("model", [*EXAMPLES, *ENUMS], ids=lambda model: model.__name__)
def test_import__from_three_places(model: type[Any]) -> None:
    """Each model is the same class in `qovery`, `qovery.models` and its own module."""
    name = model.__name__
    file = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=API)(?=V)", "_", name).lower()
    assert model.__module__ == f"qovery.models.{file}"
    places = [qovery, qovery.models, importlib.import_module(f"qovery.models.{file}")]
    assert all(getattr(place, name) is model for place in places)


@each_model
def test_json__round_trip(model: type[Any]) -> None:
    """`from_json`, `to_json`, `from_dict` and `to_dict` are consistent, and nothing is lost."""
    example = EXAMPLES[model]
    built = model.from_dict(example)
    assert model.from_json(json.dumps(example)) == model.from_json(json.dumps(example).encode()) == built
    assert type(built.to_json()) is str
    assert model.from_json(built.to_json()) == built
    assert model.from_dict(built.to_dict()) == built
    assert json.loads(built.to_json()).keys() == built.to_dict().keys() == example.keys()


@each_model
def test_to_str__is_readable(model: type[Any]) -> None:
    """`to_str` names every field that was set, nested ones too, and no secret value."""
    built = model.from_dict(EXAMPLES[model])
    text = built.to_str()
    assert all(f"'{name}'" in text for name in built.to_dict())
    assert "aliased_secret" not in EXAMPLES[model] or "'mount_path'" in text
    assert "'v'" not in text


@each_model
def test_copies__are_equal(model: type[Any]) -> None:
    """A pickled or copied model is equal, and keeps the set of fields that were set."""
    built = model.from_dict(EXAMPLES[model])
    for twin in (
        *(pickle.loads(pickle.dumps(built, protocol)) for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)),
        copy.copy(built),
        copy.deepcopy(built),
        built.model_copy(deep=True),
    ):
        assert type(twin) is model
        assert twin == built
        assert twin.to_json() == built.to_json()


@each_model
@pytest.mark.parametrize("junk", [None, 5, "text", [], [("key", "a")]], ids=repr)
def test_from_dict__of_something_else(model: type[Any], junk: Any) -> None:
    """Anything but a mapping is an `ApiValidationError`, in `from_json` too."""
    with pytest.raises(ApiValidationError):
        model.from_dict(junk)
    with pytest.raises(ApiValidationError):
        model.from_json(json.dumps(junk))


@each_model
@pytest.mark.parametrize("text", ["", "{", "nothing", b"\xff"], ids=repr)
def test_from_json__invalid_json(model: type[Any], text: Any) -> None:
    """Invalid JSON is an `ApiValidationError`."""
    with pytest.raises(ApiValidationError, match=f"{model.__name__} is not valid"):
        model.from_json(text)


def test_validation_error__says_which_field() -> None:
    """The error counts the problems and names the fields, and is a `ValueError`."""
    with pytest.raises(ApiValidationError) as caught:
        SecretRequest.from_dict({"value": 5, "more": 1})
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.error_count() == 3
    assert [problem["loc"] for problem in error.errors()] == [("key",), ("value",), ("more",)]
    assert json.loads(error.json())[0]["type"] == "missing"
    assert str(error).startswith("SecretRequest is not valid: key: Field required; value:")


_FIRST_USE = """
import json, sys, threading
import qovery
import qovery.models as models

SECRET = json.loads(sys.argv[1])
USES = [
    lambda: models.SecretResponseList.from_json(json.dumps({"results": [SECRET]})).results[0].key,
    lambda: models.Secret.from_dict(SECRET).to_json(),
    lambda: models.SecretRequest(key="a", value="b").to_json(),
    lambda: models.Value.from_dict({"value": "a"}).to_dict(),
    lambda: models.Key.model_construct(key="a").to_json(),
    lambda: qovery.EnvironmentSecretApi,
    lambda: qovery.Configuration(host="http://localhost"),
]
barrier = threading.Barrier(4 * len(USES))
problems = []

def use(function):
    barrier.wait()
    try:
        function()
    except BaseException as error:
        problems.append(repr(error))

threads = [threading.Thread(target=use, args=(function,)) for function in 4 * USES]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(problems))
"""
_BUILDS = """
import collections, json, sys
import qovery.models as models
from qovery.models.model import Model

at_import = [name for name, model in vars(models).items() if getattr(model, "__pydantic_complete__", False)]
built = collections.Counter()
Model.__pydantic_on_complete__ = classmethod(lambda cls: built.update([cls.__name__]))
secret = json.loads(sys.argv[1])
for _ in range(3):
    models.Secret.from_dict(secret).to_json()
    models.SecretResponseList.from_dict({"results": [secret]}).to_json()
    models.SecretRequest(key="a").to_json()
print(json.dumps([at_import, built]))
"""


def test_first_use__by_many_threads_at_once() -> None:
    """Many threads may use the models for the first time concurrently; each schema is built at its first use."""
    for _ in range(20 if NIGHTLY else 1):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", _FIRST_USE, json.dumps(SECRET)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("[]\n", "")


def test_first_use__builds_each_schema_once() -> None:
    """Importing builds no schema, and using a model builds its schema once."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILDS, json.dumps(SECRET)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    at_import, built = json.loads(done.stdout)
    assert at_import == []
    assert built
    assert set(built.values()) == {1}
