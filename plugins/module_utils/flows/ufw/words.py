"""What ufw's files say, in words: one line a rule, for people who read a difference."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping

from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.files import ANYWHERE, FAMILIES
from ansible_collections.autolabs.platform.plugins.module_utils.flows.ufw.published import CHAIN, block_of

_TUPLE = re.compile(r"^### tuple ### (?P<fields>.*?)(?: comment=(?P<comment>[0-9a-f]+))?\s*$", re.MULTILINE)
BY_HAND = "by hand, in no flow"
ALLOWS, DENIES = "allow", "deny"


def sentences(users: Mapping[int, str], befores: Mapping[int, str]) -> list[str]:
    """The rules of user.rules and before.rules by family, in the order of the files; both families as one where they
    say the same."""
    by_family = [[*_users(users[family]), *_block(befores[family])] for family in FAMILIES]
    both = [line for line in by_family[0] if line in by_family[1]]
    lines = []
    for line in dict.fromkeys(by_family[0] + by_family[1]):
        only = "" if line in both or " from anywhere" not in line else f", IPv{4 if line in by_family[0] else 6} only"
        lines.append(line + only)
    return lines


def _users(text: str) -> Iterator[str]:
    for found in _TUPLE.finditer(text):
        fields = found["fields"].split()
        comment = bytes.fromhex(found["comment"]).decode(errors="replace") if found["comment"] else BY_HAND
        if len(fields) < 6:
            yield f"{found['fields']} ({comment})"
            continue
        action, protocol, port, target, source_port, source = fields[:6]
        way = fields[-1] if len(fields) in (7, 9) else "in"
        application = f" {fields[6].replace('%20', ' ')}" if len(fields) > 7 and fields[6] != "-" else ""
        what = " ".join(word for word in (protocol if protocol != "any" else "", port if port != "any" else "") if word)
        line = f"{action} {what or 'everything'}{application} from {_place(source)}"
        line += f" port {source_port}" if source_port != "any" else ""
        line += f" to {target}" if target not in ANYWHERE.values() else ""
        line += f" by {way}" if way != "in" else ""
        yield f"{line} ({comment})"


def _block(text: str) -> Iterator[str]:
    """Rules of our block that name a source, that is all but those which are the same on every host."""
    for line in block_of(text).splitlines():
        if not line.startswith("-A ") or (line.startswith("-A autolabs-") and not line.startswith(f"-A {CHAIN} ")):
            continue
        words = shlex.split(line)
        option = {word: words[number + 1] for number, word in enumerate(words[:-1]) if word.startswith("-")}
        if "--comment" not in option:
            continue
        what = " ".join(option[word] for word in ("-p", "--dports") if word in option) or "everything"
        action = DENIES if option["-j"] == "DROP" else ALLOWS
        target = " for pods and containers" if line.startswith(f"-A {CHAIN} ") else ""
        yield f"{action} {what}{target} from {option.get('-s', 'anywhere')} ({option['--comment']})"


def _place(source: str) -> str:
    return "anywhere" if source in ANYWHERE.values() else source
