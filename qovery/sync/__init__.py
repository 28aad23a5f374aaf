"""Bring an environment to a desired state: plan, review, apply.

plan = plan_secrets(api, environment_id, read_dotenv(".env"))
print(plan)
report = plan.apply()
"""

from qovery.sync.action import Action as Action
from qovery.sync.action import ActionKind as ActionKind
from qovery.sync.compare import ComparedKey as ComparedKey
from qovery.sync.compare import Comparison as Comparison
from qovery.sync.compare import compare_secrets as compare_secrets
from qovery.sync.desired import KEEP as KEEP
from qovery.sync.desired import Existing as Existing
from qovery.sync.desired import Keep as Keep
from qovery.sync.dotenv import read_dotenv as read_dotenv
from qovery.sync.dotenv import read_dotenv_keys as read_dotenv_keys
from qovery.sync.environment_secrets import EnvironmentSecrets as EnvironmentSecrets
from qovery.sync.plan import Plan as Plan
from qovery.sync.plan import plan_secrets as plan_secrets
from qovery.sync.progress import Progress as Progress
from qovery.sync.report import Report as Report
from qovery.sync.report import Result as Result
from qovery.sync.state_file import StateFile as StateFile
from qovery.sync.value_checks import ValueRule as ValueRule
