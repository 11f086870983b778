"""Single words of a lab file: each function takes a text and returns its meaning, or raises Wrong."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from decimal import Decimal

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import Wrong
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Mount, Port
from ansible_collections.autolabs.platform.plugins.module_utils.labs.names import RESERVED_WORDS, label_problem

RESTARTS = ("always", "unless-stopped", *(ONCE := ("no", AGAIN := "on-failure")))
"""Policies of Compose; those of ONCE are for a service that does its work and ends."""
ENTRY = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}"
MOUNT_TYPES = {
    "bind": "a folder of one computer is not on the others; name a volume",
    "tmpfs": "write its path under the service's `tmpfs`",
    "image": "images are not mounted; copy what is needed into the lab's image",
}
"""Types that Compose has beside `volume`, and what to do instead."""
RESERVED_FOLDER = "/run/autolabs"
RESERVED_VARIABLES = "AUTOLABS_"
LARGEST_ID = 2**31 - 1
SMALLEST_MEMORY = 4 << 20
"""Bytes; less is a number without its unit."""

# The grammar of github.com/distribution/reference.
_HOST_PART = "[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PATH_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
IMAGE_NAME = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})*(?::[0-9]{{1,5}})?/)?{_PATH_PART}(?:/{_PATH_PART})*"
IMAGE_TAG = "[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}"
IMAGE_DIGEST = "@sha256:[0-9a-f]{64}"
IMAGE = re.compile(rf"(?P<name>{IMAGE_NAME})(?::(?P<tag>{IMAGE_TAG}))?(?P<digest>{IMAGE_DIGEST})?")
LONGEST_IMAGE_NAME = 255

TIME_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
SIZE_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
"""Unit to power of two."""


def label(text: str) -> str:
    """A name of the teacher's choice that the cluster uses too."""
    problem = label_problem(text)
    if problem:
        raise Wrong(f"the name {text!r} {problem}", "web-1")
    return text


def entry(text: str) -> str:
    """The name of a volume, config or secret, as Compose has it; it becomes the name of a folder or file."""
    if not re.fullmatch(ENTRY, text):
        raise Wrong(f"the name {text!r} must begin with a letter or digit, and hold only those and . _ -", "db_data")
    return text


def lab_id(text: str) -> str:
    """The lab's id."""
    problem = label_problem(text, reserved=RESERVED_WORDS)
    if problem:
        raise Wrong(problem, "sql-injection")
    return text


@dataclass(frozen=True)
class Choice:
    """Takes one of the words `allowed`."""

    allowed: tuple[str, ...]

    def __call__(self, text: str) -> str:
        """`text`, where it is one of them. Raises Wrong."""
        if text not in self.allowed:
            raise Wrong(f"is {text!r}, which is none of {', '.join(self.allowed)}", self.allowed[0])
        return text


def choice(*allowed: str) -> Choice:
    """A function that takes one of the words `allowed`."""
    return Choice(allowed)


def truth(text: str) -> bool:
    """True or false; also YAML 1.1's yes and no."""
    meaning = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() not in meaning:
        raise Wrong(f"is {text!r}, which is neither true nor false", "true")
    return meaning[text.lower()]


def count(text: str) -> int:
    """A whole number from 1 to 1000."""
    if not re.fullmatch("[0-9]{1,4}", text) or not 1 <= int(text) <= 1000:
        raise Wrong("must be a whole number from 1 to 1000", "3")
    return int(text)


def image(text: str) -> str:
    """An image reference with a fixed tag or a digest."""
    match = IMAGE.fullmatch(text) if len(text) <= 2 * LONGEST_IMAGE_NAME else None
    if match is None or len(match["name"]) > LONGEST_IMAGE_NAME:
        hint = "; names of images are lower-case" if IMAGE.fullmatch(text.lower()) else ""
        raise Wrong(f"{text!r} is not the name of an image{hint}", "registry.example.org/labs/linux:1")
    if match["digest"] is None and match["tag"] in (None, "latest"):
        tag = "has no tag" if match["tag"] is None else "has the tag latest, which moves"
        raise Wrong(
            f"{tag}: two students of one class could get different versions; name one version",
            f"{match['name']}:1",
        )
    return text


def shell_words(text: str) -> tuple[str, ...]:
    """A command line split as a shell would; no shell runs it."""
    try:
        found = tuple(shlex.split(text))
    except ValueError as error:
        raise Wrong(f"cannot be split into words: {str(error).lower()}", '["sleep", "infinity"]') from None
    if not found:
        raise Wrong("is empty; take it out to keep what the image does", "sleep infinity")
    return found


def seconds(text: str) -> int:
    """A duration such as `1m30s`."""
    parts = re.findall("([0-9]{1,9})([wdhms])", text)
    units = [unit for _number, unit in parts]
    if not parts or "".join(map("".join, parts)) != text or units != sorted(set(units), key=list(TIME_UNITS).index):
        raise Wrong(f"{text!r} is not a duration in whole seconds, minutes, hours or days", "1m30s")
    return sum(int(number) * TIME_UNITS[unit] for number, unit in parts)


def lifetime(text: str) -> int:
    """How long an instance may run, in seconds: a minute to a year."""
    found = seconds(text)
    if not 60 <= found <= 365 * TIME_UNITS["d"]:
        raise Wrong("must be from 1m to 365d", "4h")
    return found


def size(text: str) -> int:
    """Bytes, in Compose's units or Kubernetes': `512m`, `1.5gb`, `5Gi`; all of them powers of 1024."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([kmgt]?)(?:ib?|b)?", text.lower())
    if match is None:
        raise Wrong(f"{text!r} is not a size", "512m")
    found = int(Decimal(match[1]) * (1 << SIZE_UNITS[match[2]]))
    if found < SMALLEST_MEMORY:
        raise Wrong(f"{text!r} is only {found} bytes; name the unit", "512m")
    if found >= 1 << 60:
        raise Wrong(f"{text!r} is more than there is", "5Gi")
    return found


def millicores(text: str) -> int:
    """CPUs, in thousandths of a core: `0.5` is 500."""
    if not re.fullmatch(r"[0-9]{0,4}(?:\.[0-9]{1,3}0*)?", text) or text in ("", ".") or not Decimal(text):
        raise Wrong(f"{text!r} is not a number of CPUs", "0.5")
    return int(Decimal(text) * 1000)


def port_number(text: str) -> int:
    """A port from 1 to 65535."""
    if re.fullmatch("[0-9]+-[0-9]+", text):
        raise Wrong("ranges of ports are not supported; write each port by itself", text.split("-")[0])
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= 65535:
        raise Wrong(f"{text!r} is not a port from 1 to 65535", "8080")
    return int(text)


def port(text: str) -> Port:
    """A container port in Compose's short form: `80`, `8080:80`, `53:53/udp`. Only the container's side counts."""
    ports, _slash, protocol = text.partition("/")
    published, _colon, target = ports.rpartition(":")
    if not re.fullmatch(r"(?:[0-9.]+:|\[[0-9a-fA-F:]+\]:)?[0-9]*(?:-[0-9]+)?", published):
        raise Wrong(f"{text!r} is not a port", "8080")
    return Port(port_number(target), protocol_name(protocol or "tcp"))


def protocol_name(text: str) -> str:
    """TCP or UDP."""
    if text.lower() not in ("tcp", "udp"):
        raise Wrong(f"{text!r} is neither tcp nor udp", "53/udp")
    return text.upper()


def variable(text: str) -> str:
    """The name of an environment variable."""
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_.-]{0,252}", text):
        raise Wrong(f"{text!r} is not a name of an environment variable", "DB_HOST")
    if text.startswith(RESERVED_VARIABLES):
        raise Wrong(f"names that begin with {RESERVED_VARIABLES} are set by the platform; choose another", "LAB_MODE")
    return text


def assignment(text: str) -> tuple[str, str]:
    """An environment variable as `NAME=value`."""
    name, separator, value = text.partition("=")
    variable(name)
    if not separator:
        raise Wrong("has no value, and there is no shell here to take it from", f"{name}=value")
    return name, value


def path(text: str) -> str:
    """An absolute path in the container, in its shortest form."""
    if not text.startswith("/") or ".." in text.split("/") or ":" in text:
        raise Wrong(f"{text!r} is not an absolute path in the container", "/home")
    return posixpath.normpath("/" + text.lstrip("/"))


def mount_path(text: str) -> str:
    """An absolute path where something may be mounted."""
    found = path(text)
    if found == "/":
        raise Wrong("nothing can be mounted over the whole file system", "/home")
    if found == RESERVED_FOLDER or found.startswith(RESERVED_FOLDER + "/"):
        raise Wrong(f"{RESERVED_FOLDER} holds the instance's credentials; choose another path", "/srv/data")
    return found


def tmpfs(text: str) -> str:
    """The path of a tmpfs."""
    if ":" in text:
        raise Wrong("options of a tmpfs cannot be set; write the path alone", text.split(":")[0])
    return mount_path(text)


def mount(text: str) -> Mount:
    """A named volume in Compose's short form: `data:/srv` or `data:/srv:ro`."""
    source, separator, rest = text.partition(":")
    if re.match(r"[./~]|[A-Za-z]:\\", text):
        if separator:
            raise Wrong(f"{source} is a folder of one computer, and labs run on many; name a volume", "data:/home")
        raise Wrong("a volume without a name would be lost; name it, and list it under volumes", f"data:{text}")
    target, _colon, mode = rest.partition(":")
    if mode not in ("", "ro", "rw"):
        raise Wrong(f"the option {mode!r} cannot be honoured; there is ro, or nothing", f"{source}:{target}:ro")
    return Mount(entry(source), mount_path(target), read_only=mode == "ro")


def mount_type(text: str) -> str:
    """The type of a mount in Compose's long form: only volumes."""
    if text != "volume":
        example = "tmpfs: [/tmp]" if text == "tmpfs" else "type: volume"
        raise Wrong(f"{text!r} cannot be honoured: {MOUNT_TYPES.get(text, 'there is only volume')}", example)
    return text


def user(text: str) -> tuple[int, int | None]:
    """Numbers of a user and a group: `1000` or `1000:1000`."""
    if not re.fullmatch("[0-9]{1,10}(?::[0-9]{1,10})?", text):
        raise Wrong(f"{text!r} is not a number: the cluster does not see the names inside the image", "1000:1000")
    numbers = [int(part) for part in text.split(":")]
    if max(numbers) > LARGEST_ID:
        raise Wrong(f"must be at most {LARGEST_ID}", "1000")
    return numbers[0], numbers[1] if len(numbers) == 2 else None


def file_mode(text: str) -> int:
    """Permissions in octal, as `chmod` takes them: `0444`."""
    if not re.fullmatch("0o?[0-7]{3}", text):
        raise Wrong(f"{text!r} is not permissions in octal", '"0440"')
    return int(text[-3:], 8)


def restart(text: str) -> str:
    """A restart policy of Compose, without a number of times."""
    if text not in RESTARTS:
        counted = text.startswith("on-failure:")
        why = "how often it is tried cannot be limited" if counted else f"there is {', '.join(RESTARTS)}"
        raise Wrong(f"{text!r} cannot be honoured: {why}", "on-failure" if counted else "unless-stopped")
    return text
