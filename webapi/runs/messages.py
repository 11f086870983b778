"""The sentences with which runs end that did not end by themselves."""

from __future__ import annotations

from webapi.runs.model import Kind

CANCELLED = {
    Kind.START: (
        "Cancelled. What was already made on the cluster stays; start the class again to continue, or delete it."
    ),
    Kind.STOP: "Cancelled. Some instances may have stopped; stop the class again to finish.",
    Kind.DELETE: "Cancelled. Some instances may be gone; delete the class again to finish.",
    Kind.PREVIEW: "Cancelled. A preview changes nothing.",
}
CANCELLED_IN_QUEUE = "Cancelled before it began; nothing was changed."
NOT_ENDED = "Cancelled, but some processes do not end (see the log). An administrator must look at the machine."
LOST = "The process of this run is gone without a word of how it went; the log says how far it came. Run it again."
NOBODY_LOOKS = "nobody looks after the runs; start the web server again"
STUCK = "whoever looks after the runs does not get on; start the web server again"
NONE_BEGUN = "runs wait, and none is begun ({}); start the web server again"
NO_PROCESS = "The process of this run could not be started: {}"
