"""What tests share: servers, clients, processes and the texts that they check."""

from pathlib import Path

#: The folder of the repository.
ROOT = Path(__file__).parents[2]
