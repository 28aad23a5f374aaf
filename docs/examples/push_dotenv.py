"""Bring an environment to what a `.env` file says: show the plan, and apply it with --yes.

    python push_dotenv.py .env                 what would be done
    python push_dotenv.py .env --prune --yes   do it, and delete what the file does not name

QOVERY_API_TOKEN and QOVERY_ENVIRONMENT_ID say where. The exit status is 0 if the environment is as the file says, 1 if
something failed, 2 if the command line or the environment variables are wrong, 3 if nothing was applied: without --yes,
or because the plan has conflicts. After Ctrl-C it is 130, and the report says what had been done.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from qovery import ApiClient, ApplyInterrupted, Configuration, EnvironmentSecretApi, OpenApiException
from qovery.sync import plan_secrets, read_dotenv

ENVIRONMENT_ID = "QOVERY_ENVIRONMENT_ID"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="bring an environment to what a .env file says")
    parser.add_argument("file")
    parser.add_argument("--prune", action="store_true", help="delete the environment's own secrets not in the file")
    parser.add_argument("--replace", action="store_true", help="delete and make anew what cannot be edited")
    parser.add_argument("--yes", action="store_true", help="apply the plan")
    options = parser.parse_args(arguments)
    if not os.environ.get(ENVIRONMENT_ID):
        parser.error(f"{ENVIRONMENT_ID} is not set")
    try:
        desired = read_dotenv(options.file)
        with ApiClient(Configuration.from_env()) as client:
            api, environment_id = EnvironmentSecretApi(client), os.environ[ENVIRONMENT_ID]
            plan = plan_secrets(api, environment_id, desired, prune=options.prune, replace=options.replace)
            print(plan)
            if plan.conflicts or not options.yes:
                return 3
            report = plan.apply(progress=sys.stderr.isatty())
    except ApplyInterrupted as error:
        print(error.report)
        return 130
    except (OpenApiException, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(report)
    return 1 if report.failed or report.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
