"""Turns the services of a lab file into components, and holds them against the rest of the file."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Findings,
    Place,
    Values,
    Written,
    Wrong,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config import words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    COMPLETED,
    HEALTHY,
    STARTED,
    Component,
    FileMount,
    Healthcheck,
    Mount,
    Port,
    Resources,
)

NOTHING = Values(Place(0), {})
SECRETS_FOLDER = "/run/secrets"


def components(lab: Values, findings: Findings) -> tuple[Component, ...]:
    """The components of a lab; what does not fit together is taken down."""
    services: Values = lab.get("services", NOTHING)
    found = tuple(_component(name, written.value, lab, findings) for name, written in services.entries.items())
    _check_dependencies(services, found, findings)
    _check_ends(lab, services, found, findings)
    return found


def _component(name: str, service: Values, lab: Values, findings: Findings) -> Component:
    user, group = service.get("user", (None, None))
    component = Component(
        name=name,
        image=service.get("image", ""),
        entrypoint=_command(service, "entrypoint", findings),
        command=_command(service, "command", findings),
        environment=_environment(service, findings),
        ports=tuple(dict.fromkeys(_ports(service))),
        mounts=tuple(_mount(entry, lab, findings) for entry in service.get("volumes", ())),
        tmpfs=tuple(entry.value for entry in _listed(service, "tmpfs")),
        configs=tuple(_file(entry, "configs", "/", lab, findings) for entry in service.get("configs", ())),
        secrets=tuple(_file(entry, "secrets", SECRETS_FOLDER, lab, findings) for entry in service.get("secrets", ())),
        depends_on={name: condition for name, (condition, _at) in _dependencies(service).items()},
        healthcheck=_healthcheck(service, findings),
        resources=_resources(service, findings),
        user=user,
        group=group,
        working_dir=service.get("working_dir"),
        read_only=service.get("read_only", False),
        retried=service.get("restart") == words.AGAIN,
    )
    _check_paths(service, component, findings)
    return component


def _listed(service: Values, name: str) -> tuple[Written, ...]:
    """The items of a field that takes one value or a list."""
    if name not in service.entries:
        return ()
    written = service.entries[name]
    return written.value if isinstance(written.value, tuple) else (written,)


def _command(service: Values, name: str, findings: Findings) -> tuple[str, ...] | None:
    found = service.get(name)
    if found is None:
        return None
    if not found:
        findings.add(service.place(name), "is empty; take it out to keep what the image does", '["sleep", "infinity"]')
    return tuple(item.value if isinstance(item, Written) else item for item in found)


def _environment(service: Values, findings: Findings) -> dict[str, str]:
    found = service.get("environment", ())
    if isinstance(found, Values):
        return {name: written.value for name, written in found.entries.items()}
    variables: dict[str, str] = {}
    for written in found:
        name, value = written.value
        if name in variables:
            findings.add(written.at, f"{name} is there twice; keep one of them")
        variables[name] = value
    return variables


def _ports(service: Values) -> Iterable[Port]:
    for written in (*service.get("ports", ()), *service.get("expose", ())):
        port = written.value
        if isinstance(port, Port):
            yield port
        elif "target" in port.entries:
            yield Port(port.get("target"), port.get("protocol", "TCP"))


def _mount(written: Written, lab: Values, findings: Findings) -> Mount:
    long: Values | Mount = written.value
    if isinstance(long, Values):
        found = Mount(long.get("source", ""), long.get("target", ""), long.get("read_only", False))
        if "type" not in long.entries:
            # What a source may be depends on the type.
            return found
        if not found.volume and "source" not in long.broken:
            findings.add(written.at, "`source` is missing: a volume without a name would be lost", "source: home")
    else:
        found = long
    _check_listed(found.volume, "volumes", "volume", written.at, lab, findings)
    return found


def _file(written: Written, kind: str, folder: str, lab: Values, findings: Findings) -> FileMount:
    """A config or secret in a component; `folder` is where Compose puts one whose target is only a name."""
    found = written.value
    mount = found if isinstance(found, Values) else Values(written.at, {"source": written})
    source = mount.get("source", "")
    _check_listed(source, kind, kind.removesuffix("s"), written.at, lab, findings)
    target = mount.get("target", source)
    try:
        path = words.mount_path(target if target.startswith("/") else f"{folder.rstrip('/')}/{target or 'file'}")
    except Wrong as wrong:
        findings.add(mount.place("target"), wrong.message, wrong.example)
        path = ""
    return FileMount(source, path, mount.get("mode", 0o444))


def _check_listed(name: str, kind: str, noun: str, at: Place, lab: Values, findings: Findings) -> None:
    """Whether what a service uses is in the file's own list of such things."""
    listed: Values = lab.get(kind, NOTHING)
    if name and kind not in lab.broken and name not in {*listed.entries, *listed.broken}:
        example = f"{kind}: {{{name}: {{content: …}}}}" if kind != "volumes" else f"{kind}: {{{name}: }}"
        findings.add(at, f"there is no {noun} {name!r} in the list of {kind} of this file", example)


def _check_paths(service: Values, component: Component, findings: Findings) -> None:
    """Two things cannot be mounted at one path."""
    seen: dict[str, Place] = {}
    mounted = {
        "volumes": [mount.path for mount in component.mounts],
        "tmpfs": list(component.tmpfs),
        "configs": [file.path for file in component.configs],
        "secrets": [file.path for file in component.secrets],
    }
    for name, paths in mounted.items():
        for written, path in zip(_listed(service, name), paths, strict=True):
            if path and path in seen:
                findings.add(written.at, f"{path} is taken already on line {seen[path].line}; choose another path")
            seen[path] = written.at


def _dependencies(service: Values) -> dict[str, tuple[str, Place]]:
    """What a service waits for: name to condition, and where that is written."""
    found = service.get("depends_on", ())
    if isinstance(found, Values):
        return {name: (entry.value.get("condition", STARTED), entry.at) for name, entry in found.entries.items()}
    return {written.value: (STARTED, written.at) for written in found}


def _check_dependencies(services: Values, found: tuple[Component, ...], findings: Findings) -> None:
    by_name = {component.name: component for component in found}
    for component in found:
        service: Values = services.entries[component.name].value
        for name, (condition, at) in _dependencies(service).items():
            if name not in by_name and name not in services.broken:
                findings.add(at, f"there is no service {name!r} in this file")
            elif name in by_name and condition == HEALTHY and by_name[name].healthcheck is None:
                message = (
                    f"the service {name!r} has no healthcheck, and so is never healthy (an image's own is not seen)"
                )
                findings.add(at, message, STARTED)
        if _reaches(component.name, component.name, by_name):
            at = service.place("depends_on")
            findings.add(at, f"{component.name!r} would wait for itself, directly or through others")


def _check_ends(lab: Values, services: Values, found: tuple[Component, ...], findings: Findings) -> None:
    """A service that others wait for to end cannot be one that stays, and one that stays cannot end."""
    block: Values = lab.get("x-lab", NOTHING)
    ways_in = [entry.value for entry in _listed(block, "access") if isinstance(entry.value, Values)]
    entered = {way.get("component") for way in ways_in}
    waits = {component.name: _dependencies(services.entries[component.name].value) for component in found}
    ended = {name for others in waits.values() for name, (condition, _at) in others.items() if condition == COMPLETED}
    for component, others in waits.items():
        for name, (condition, at) in others.items():
            if condition == HEALTHY and name in ended:
                findings.add(at, f"another service waits for the end of {name!r}, and what has ended is not healthy")
            elif condition == COMPLETED and name in entered:
                findings.add(at, f"{name!r} stays, since students come in by it (x-lab.access)", STARTED)
        service: Values = services.entries[component].value
        restart = service.get("restart")
        if restart in words.ONCE and component not in ended:
            findings.add(
                service.place("restart"),
                f"{restart!r} is for a service whose end another one waits for (service_completed_successfully); "
                "a component that ends is always started again",
                "unless-stopped",
            )
        elif restart not in (None, *words.ONCE) and component in ended:
            findings.add(service.place("restart"), "another service waits for its end, and it would never end", '"no"')


def _reaches(start: str, goal: str, by_name: dict[str, Component]) -> bool:
    """Whether `goal` is among what `start` depends on, at any distance."""
    waiting, seen = [start], set()
    while waiting:
        component = by_name.get(waiting.pop())
        for name in component.depends_on if component else ():
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False


def _healthcheck(service: Values, findings: Findings) -> Healthcheck | None:
    check: Values | None = service.get("healthcheck")
    if check is None or check.get("disable"):
        return None
    for name in ("interval", "timeout", "start_interval"):
        if check.get(name, 1) < 1:
            findings.add(check.place(name), "must be at least 1s", "10s")
    test = check.get("test")
    at = check.place("test")
    if test is None:
        if "test" not in check.broken:
            findings.add(at, "`test` is missing: the healthcheck of an image is not known here", "test: pgrep sshd")
        return None
    kind, *command = ("CMD-SHELL", test) if isinstance(test, str) else [item.value for item in test] or [""]
    if kind == "NONE":
        return None
    if kind not in ("CMD", "CMD-SHELL") or not command or not all(command[:1]):
        findings.add(
            at, "a list begins with CMD, CMD-SHELL or NONE, and then has the command", '["CMD", "pgrep", "sshd"]'
        )
        return None
    if kind == "CMD-SHELL" and len(command) > 1:
        findings.add(at, "after CMD-SHELL comes one text", '["CMD-SHELL", "curl -f localhost:8080 || exit 1"]')
    return Healthcheck(
        command=tuple(command) if kind == "CMD" else ("/bin/sh", "-c", command[0]),
        interval=check.get("interval", Healthcheck.interval),
        timeout=check.get("timeout", Healthcheck.timeout),
        retries=check.get("retries", Healthcheck.retries),
        start_period=check.get("start_period", Healthcheck.start_period),
        start_interval=check.get("start_interval", Healthcheck.start_interval),
    )


def _resources(service: Values, findings: Findings) -> Resources:
    """CPU and memory, which Compose lets people write in two places."""
    deployed: Values = service.get("deploy", NOTHING).get("resources", NOTHING)
    limits, reservations = deployed.get("limits", NOTHING), deployed.get("reservations", NOTHING)

    def amount(group: Values, name: str, short: str = "") -> Written | None:
        here, there = group.entries.get(name), service.entries.get(short)
        if here and there:
            findings.add(there.at, f"is also on line {here.at.line}; keep one of them")
        return here or there

    def value(reserved: Written | None, limit: Written | None) -> tuple[int | None, int | None]:
        if reserved and limit and reserved.value > limit.value:
            findings.add(reserved.at, "is more than the limit allows; raise the limit, or reserve less")
        return reserved.value if reserved else None, limit.value if limit else None

    cpu_request, cpu_limit = value(amount(reservations, "cpus"), amount(limits, "cpus", "cpus"))
    memory_request, memory_limit = value(
        amount(reservations, "memory", "mem_reservation"), amount(limits, "memory", "mem_limit")
    )
    return Resources(cpu_request, cpu_limit, memory_request, memory_limit)
