"""The API classes, one per group of operations."""

from qovery.api.environment_secret_api import EnvironmentSecretApi as EnvironmentSecretApi
