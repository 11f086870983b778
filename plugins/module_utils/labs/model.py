"""What the lab engine talks about: a lab, its components, a roster, a class and its instances.

Plain immutable data, made by `config` and `roster` from what people wrote and consumed by the builders.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ACCESS_KINDS = ("ssh", "http", "vnc")
DEPLOYMENT_MODES = ("per_student", "per_group")
SECURITY_LEVELS = ("restricted", "baseline", "privileged")
STARTED, HEALTHY, COMPLETED = CONDITIONS = ("service_started", "service_healthy", "service_completed_successfully")
"""When a component that depends on another one may start (Compose specification, `depends_on`)."""


@dataclass(frozen=True)
class Text:
    """A text for people, in English and Russian; one may stand for both."""

    en: str = ""
    ru: str = ""

    def in_language(self, language: str) -> str:
        """The text in `language` (`en` or `ru`), or in the other one where only that was written."""
        return (self.ru or self.en) if language == "ru" else (self.en or self.ru)


@dataclass(frozen=True)
class Access:
    """How a student gets in: to which component, on which container port."""

    kind: str
    component: str
    port: int


@dataclass(frozen=True)
class Mount:
    """A named volume of the lab in a container. All named volumes are folders of the instance's one volume."""

    volume: str
    path: str
    read_only: bool = False


@dataclass(frozen=True)
class FileMount:
    """An inline config or secret as a file in a container."""

    name: str
    path: str
    mode: int = 0o444


@dataclass(frozen=True)
class Healthcheck:
    """A Compose healthcheck; durations in seconds."""

    command: tuple[str, ...]
    interval: int = 30
    timeout: int = 30
    retries: int = 3
    start_period: int = 0
    start_interval: int = 5
    """Time between two checks until the first that succeeds."""


@dataclass(frozen=True)
class Resources:
    """CPU in millicores and memory in bytes; None leaves the namespace's default."""

    cpu_request: int | None = None
    cpu_limit: int | None = None
    memory_request: int | None = None
    memory_limit: int | None = None


@dataclass(frozen=True)
class Port:
    """A container port that other components of the instance, or the access, may use."""

    number: int
    protocol: str = "TCP"


@dataclass(frozen=True)
class Component:
    """A service of the Compose file: one Pod of every instance."""

    name: str
    image: str
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: dict[str, str] = field(default_factory=dict)
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    tmpfs: tuple[str, ...] = ()
    configs: tuple[FileMount, ...] = ()
    secrets: tuple[FileMount, ...] = ()
    depends_on: dict[str, str] = field(default_factory=dict)
    """Component name to Compose condition, one of CONDITIONS."""
    healthcheck: Healthcheck | None = None
    resources: Resources = Resources()
    user: int | None = None
    group: int | None = None
    working_dir: str | None = None
    read_only: bool = False
    retried: bool = False
    """Whether a component that runs once is started again when it fails (Compose's `restart: on-failure`)."""


@dataclass(frozen=True)
class Lab:
    """A validated lab config."""

    id: str
    title: Text
    text: Text
    components: tuple[Component, ...]
    access: tuple[Access, ...]
    deployment_mode: str = "per_student"
    internet: bool = False
    security_level: str = "restricted"
    volume_size: int | None = None
    """Bytes; None where the lab has no volume."""
    lifetime: int | None = None
    """Seconds a started instance may run; None for no limit."""
    configs: dict[str, str] = field(default_factory=dict)
    """Name to content."""
    secrets: dict[str, str] = field(default_factory=dict)

    def runs_once(self, component: str) -> bool:
        """Whether a component does its work and ends, since another one waits for that."""
        return any(other.depends_on.get(component) == COMPLETED for other in self.components)


@dataclass(frozen=True)
class Student:
    """One line of a roster."""

    id: str
    """A DNS label, made of what the roster holds."""
    name: str = ""
    """As the roster writes it, in any script."""
    group: str = ""
    """A DNS label, or nothing."""


@dataclass(frozen=True)
class Instance:
    """What one student or group gets."""

    name: str
    """The stem of the names of its objects, at most 63 characters."""
    owner: str
    """The id of the student, or of the group."""
    members: tuple[Student, ...]


@dataclass(frozen=True)
class LabClass:
    """One start of one lab for a roster."""

    lab: Lab
    id: str
    instances: tuple[Instance, ...]
    course: str = ""
