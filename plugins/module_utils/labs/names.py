"""Names on the cluster: DNS labels (RFC 1123) that tell labs, classes and owners apart.

An instance is `lab-LAB-student-OWNER` or `lab-LAB-class-CLASS-group-OWNER`. The owner comes last and may hold any
word; the ids of lab and class may not hold the words between them, so a name can be read in one way only.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

LONGEST = 63
RESERVED_WORDS = ("class", "student", "group")
FIRST_CLASS = "1"
INTERNAL = "internal"
"""What ends the name of the Service by which the components of an instance find each other; so no component's name."""
OWNER_WORDS = {"per_student": "student", "per_group": "group"}
DIGEST_LENGTH = 8

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")

LATIN = """
а:a б:b в:v г:g д:d е:e ё:e ж:zh з:z и:i й:y к:k л:l м:m н:n о:o п:p р:r с:s т:t у:u ф:f х:kh ц:ts ч:ch ш:sh щ:shch
ъ: ы:y ь: э:e ю:yu я:ya  ґ:g є:ye і:i ї:yi ў:u  ә:a ғ:g қ:k ң:n ө:o ұ:u ү:u һ:h
ø:o ł:l đ:d ı:i æ:ae œ:oe þ:th ð:d ħ:h ŋ:n
"""
"""Russian, Ukrainian, Belarusian and Kazakh letters, and the Latin ones that Unicode does not decompose."""

LETTERS = dict(pair.split(":") for pair in LATIN.split())


def instance_name(lab_id: str, class_id: str, mode: str, owner: str) -> str:
    """The name of what a student or group gets.

    mode: a deployment mode; owner: the id of the student or group, by that mode.
    """
    return _shortened(f"{_class_stem(lab_id, class_id)}-{OWNER_WORDS[mode]}-{owner}")


def class_name(lab_id: str, class_id: str) -> str:
    """The name of what a class has once."""
    return _shortened(_class_stem(lab_id, class_id))


def component_name(instance: str, component: str, count: int) -> str:
    """The name of a component's Pod; `count` is the number of components of the lab.

    The Pod of a lab's only component has the instance's name. A component whose own name has a dash gets a digest,
    or the `db` of student `bob-web` and the `web-db` of student `bob` would be one.
    """
    if count == 1:
        return instance
    name = f"{instance}-{component}"
    return _with_digest(name, f"{instance}/{component}") if "-" in component else _shortened(name)


def internal_name(instance: str) -> str:
    """The name of the Service by which the components of an instance find each other."""
    return component_name(instance, INTERNAL, count=2)


def access_name(name_of_class: str, component: str) -> str:
    """The name of what a class has once for each component that students enter.

    Always with a digest, or the component `injection` of lab `sql` and the lab `sql-injection` would be one.
    """
    return _with_digest(f"{name_of_class}-{component}", f"{name_of_class}/{component}")


def seat_name(component: str, port: int) -> str:
    """The name of the container that serves one member of a group, on `port`."""
    return _shortened(f"{component}-{port}")


def label_problem(text: str, *, reserved: tuple[str, ...] = ()) -> str:
    """Why `text` cannot be a name on the cluster, or nothing where it can.

    reserved: words that may not stand in it between dashes.
    """
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not LABEL.fullmatch(text):
        return "must hold only the letters a-z, digits and dashes, and begin and end with a letter or digit"
    used = [word for word in reserved if word in text.split("-")]
    if used:
        return f"holds the word {used[0]!r}, which names on the cluster use themselves"
    return ""


def dns_label(text: str) -> str:
    """`text` as a DNS label of any length, readable: `Иванов И.` gives `ivanov-i`.

    Nothing, where a letter or digit has no Latin form, or none is there.
    """
    written = []
    for character in unicodedata.normalize("NFC", text).casefold():
        latin = _latin(character)
        if latin is None:
            return ""
        written.append(latin)
    return re.sub("-+", "-", "".join(written)).strip("-")


def _latin(character: str) -> str | None:
    """Letters a-z and digits for one character, a dash for what separates words, None where there is no form."""
    if character in LETTERS:
        return LETTERS[character]
    latin = ""
    for part in unicodedata.normalize("NFKD", character).casefold():
        category = unicodedata.category(part)
        if part.isascii():
            latin += part if part.isalnum() else "-"
        elif part in LETTERS:
            latin += LETTERS[part]
        elif category == "Nd":
            latin += str(unicodedata.decimal(part))
        elif category.startswith("L"):
            return None
        elif not category.startswith("M"):
            latin += "-"
    return latin


def _class_stem(lab_id: str, class_id: str) -> str:
    return f"lab-{lab_id}" if class_id == FIRST_CLASS else f"lab-{lab_id}-class-{class_id}"


def _shortened(name: str) -> str:
    return name if len(name) <= LONGEST else _with_digest(name, name)


def _with_digest(name: str, full: str) -> str:
    """`name`, cut where needed, ended by a digest of `full`."""
    digest = hashlib.sha256(full.encode()).hexdigest()[:DIGEST_LENGTH]
    return f"{name[: LONGEST - DIGEST_LENGTH - 1].rstrip('-')}-{digest}"
