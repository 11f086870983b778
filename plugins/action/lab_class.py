# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Runs the lab engine on the controller, so that its progress lines reach the terminal as they come."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.kube.errors import ApiError, KubeError
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments, engine, handout
from ansible_collections.autolabs.platform.plugins.module_utils.labs.admission.shortage import Admission, NoRoom
from ansible_collections.autolabs.platform.plugins.module_utils.labs.outcome import ClassOutcome
from ansible_collections.autolabs.platform.plugins.module_utils.labs.progress import Progress
from ansible_collections.autolabs.platform.plugins.module_utils.labs.status import in_words


class ActionModule(ActionBase):
    """Start, stop or remove a class of a lab."""

    _supports_check_mode = True
    _supports_async = False
    _supports_diff = True

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Validate, act, and turn what came of it, or what went wrong, into a result."""
        super().run(tmp, task_vars)
        try:
            self._task.args = arguments.with_options_file(self._task.args)
            validated = self.validate_argument_spec(
                argument_spec=arguments.LAB_CLASS,
                required_if=[("state", "started", ("lab",)), ("state", "started", ("roster", "students"), True)],
                required_one_of=[("lab", "lab_id")],
                mutually_exclusive=[("roster", "students"), ("lab", "lab_id")],
            )[1]
            return self._act(arguments.plain(validated))
        except (InvalidInput, KubeError, OSError) as error:
            return told(error)

    def _act(self, given: dict[str, Any]) -> dict[str, Any]:
        options = arguments.options(given, check_mode=self._task.check_mode, diff=self._task.diff)
        settings = arguments.settings(given)
        if given["state"] != "started":
            lab_id, class_id, owners = arguments.lab_id(given), arguments.class_id(given), arguments.owners(given)
            ended = engine.end(
                arguments.session(given),
                lab_id,
                class_id,
                given["state"],
                settings=settings,
                options=options,
                report=_show,
                only=owners,
            )
            return self._result(ended)
        lab_class = arguments.lab_class(given)
        if given["credentials_file"]:
            handout.check(given["credentials_file"])
        outcome, credentials = engine.start(arguments.session(given), lab_class, settings, options, _show)
        if given["credentials_file"] and not options.check_mode:
            try:
                handout.write(given["credentials_file"], outcome, credentials)
            except OSError as error:
                # The class runs: what came of it must not be lost with the file.
                message = f"{outcome.sentence()}; the credentials were not written, start the class again: {error}"
                return self._result(outcome) | {"failed": True, "msg": message}
        return self._result(outcome)

    def _result(self, outcome: ClassOutcome) -> dict[str, Any]:
        result: dict[str, Any] = {
            "changed": outcome.changed,
            "failed": bool(outcome.failed),
            "msg": outcome.sentence(),
            "instances": [one.as_result() for one in outcome.outcomes],
        }
        if outcome.admission:
            result["admission"] = _numbers(outcome.admission)
        if self._task.diff:
            result["diff"] = outcome.diff
        return result


def told(error: Exception) -> dict[str, Any]:
    """The result of a run that came to nothing."""
    if isinstance(error, InvalidInput):
        count = len(error.problems)
        message = f"{count} mistake{'s' * (count > 1)}, nothing was changed:\n{error}"
        return {"failed": True, "msg": message, "problems": [str(problem) for problem in error.problems]}
    if isinstance(error, NoRoom):
        return {"failed": True, "msg": str(error), "admission": _numbers(error.admission)}
    return {"failed": True, "msg": in_words(error) if isinstance(error, ApiError) else str(error)}


def _numbers(admission: Admission) -> dict[str, Any]:
    return {"fits": admission.fits, "of": admission.of, "shortages": [str(one) for one in admission.shortages]}


def _show(progress: Progress) -> None:
    Display().display(str(progress))
