"""The operations of the service, one group a file."""

from qovery.api.environment_secret_api import EnvironmentSecretApi as EnvironmentSecretApi
