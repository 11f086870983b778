"""Every field of a lab file, with its shape, a sentence and an example.

They are those of the Compose specification that make sense on a cluster, under their own names, and `x-lab`.
"""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Either,
    Field,
    ListOf,
    MapOf,
    Record,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config import refusals, words
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.shapes import Word
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    ACCESS_KINDS,
    CONDITIONS,
    DEPLOYMENT_MODES,
    SECURITY_LEVELS,
)

TEXT = Word(str)
LABEL = Word(words.label, "a name")
ENTRY = Word(words.entry, "a name")
DURATION = Word(words.seconds, "a duration")
SIZE = Word(words.size, "a size")
CPUS = Word(words.millicores, "a number of CPUs")
TRUTH = Word(words.truth, "true or false")
PORT_NUMBER = Word(words.port_number, "a port")
PROTOCOL = Word(words.protocol_name, "tcp or udp")
MOUNT_PATH = Word(words.mount_path, "a path")
COMMAND = Either(single=Word(words.shell_words, "a command line"), several=ListOf(TEXT, "a list of words"))

ENVIRONMENT = Either(
    several=ListOf(Word(words.assignment, "NAME=value"), "a list of NAME=value"),
    fields=MapOf(TEXT, words.variable, words="a map of names to values"),
)

PORT = Either(
    single=Word(words.port, "a port"),
    fields=Record(
        {
            "target": Field(PORT_NUMBER, "The port in the container.", "80", required=True),
            "protocol": Field(PROTOCOL, "tcp, or udp.", "tcp"),
            "published": Field(TEXT, "Has no meaning here: students come in by x-lab.access.", '"8080"'),
            "host_ip": Field(TEXT, "Has no meaning here.", "127.0.0.1"),
            "mode": Field(TEXT, "Has no meaning here.", "host"),
            "name": Field(TEXT, "Has no meaning here.", "web"),
            "app_protocol": Field(TEXT, "Has no meaning here.", "http"),
        }
    ),
)

MOUNT = Either(
    single=Word(words.mount, "volume:path"),
    fields=Record(
        {
            "type": Field(Word(words.mount_type), "Only volume.", "volume", required=True),
            "source": Field(TEXT, "The volume's name, from the list at the top.", "home"),
            "target": Field(MOUNT_PATH, "Where it is in the container.", "/home", required=True),
            "read_only": Field(TRUTH, "Whether the component may only read it.", "true"),
        },
        refusals.MOUNT,
    ),
)

FILE_MOUNT = Either(
    single=ENTRY,
    fields=Record(
        {
            "source": Field(ENTRY, "The name, from the list at the top.", "motd", required=True),
            "target": Field(TEXT, "Where the file is in the container.", "/etc/motd"),
            "mode": Field(Word(words.file_mode, "permissions"), "Permissions in octal; 0444 if left out.", "0440"),
        },
        refusals.FILE_MOUNT,
    ),
)

AMOUNTS = Record(
    {"cpus": Field(CPUS, "CPUs.", '"0.5"'), "memory": Field(SIZE, "Memory.", "512m")},
    refusals.RESOURCES,
)

DEPLOY = Record(
    {
        "resources": Field(
            Record(
                {
                    "limits": Field(AMOUNTS, "At most this much.", '{cpus: "1", memory: 1g}'),
                    "reservations": Field(AMOUNTS, "Always this much.", '{cpus: "0.5", memory: 512m}'),
                }
            ),
            "CPU and memory.",
            "{limits: {memory: 512m}}",
        )
    },
    refusals.DEPLOY,
)

HEALTHCHECK = Record(
    {
        "test": Field(
            Either(single=TEXT, several=ListOf(TEXT)),
            "A command that succeeds when the component is ready.",
            '["CMD", "curl", "-f", "http://localhost:8080"]',
        ),
        "interval": Field(DURATION, "Time between two checks; 30s if left out.", "10s"),
        "timeout": Field(DURATION, "How long a check may take; 30s if left out.", "5s"),
        "retries": Field(Word(words.count, "a number"), "How many failures in a row count; 3 if left out.", "5"),
        "start_period": Field(DURATION, "Time to start, in which failures do not count; none if left out.", "20s"),
        "start_interval": Field(DURATION, "Time between two checks until the first success; 5s if left out.", "2s"),
        "disable": Field(TRUTH, "Whether to go without the check.", "true"),
    }
)

DEPENDENCY = Record(
    {
        "condition": Field(
            Word(words.choice(*CONDITIONS)),
            "service_started; service_healthy, where the other one has a healthcheck; "
            "service_completed_successfully, where it does its work and ends.",
            "service_healthy",
            required=True,
        )
    },
    refusals.DEPENDENCY,
)

SERVICE = Record(
    {
        "image": Field(
            Word(words.image, "the name of an image"),
            "The image, with a tag or digest that does not move.",
            "registry.autolabs.internal/labs/linux-ssh:1",
            required=True,
        ),
        "command": Field(COMMAND, "What to run, in place of the image's command.", '["sshd", "-D"]'),
        "entrypoint": Field(COMMAND, "What to run, in place of the image's entrypoint.", "/start.sh"),
        "environment": Field(ENVIRONMENT, "Environment variables.", "{LEVEL: easy}"),
        "ports": Field(ListOf(PORT), "Ports that the component listens on.", '["8080"]'),
        "expose": Field(ListOf(Word(words.port, "a port")), "The same as ports.", '["3306"]'),
        "volumes": Field(ListOf(MOUNT), "Named volumes, and where they are in the container.", "[home:/home]"),
        "tmpfs": Field(
            Either(single=Word(words.tmpfs, "a path"), several=ListOf(Word(words.tmpfs, "a path"))),
            "Folders in memory, empty at every start.",
            "[/tmp, /run]",
        ),
        "configs": Field(ListOf(FILE_MOUNT), "Files from the list of configs.", "[{source: motd, target: /etc/motd}]"),
        "secrets": Field(ListOf(FILE_MOUNT), "Files from the list of secrets, in /run/secrets.", "[flag]"),
        "depends_on": Field(
            Either(several=ListOf(LABEL), fields=MapOf(DEPENDENCY, words.label)),
            "Services that start before this one.",
            "{db: {condition: service_healthy}}",
        ),
        "healthcheck": Field(HEALTHCHECK, "How to tell that the component is ready.", "{test: pgrep sshd}"),
        "deploy": Field(DEPLOY, "CPU and memory.", "{resources: {limits: {memory: 512m}}}"),
        "cpus": Field(CPUS, "At most so many CPUs.", '"0.5"'),
        "mem_limit": Field(SIZE, "At most so much memory.", "512m"),
        "mem_reservation": Field(SIZE, "Always so much memory.", "256m"),
        "user": Field(Word(words.user, "a number"), "The user, and the group, to run as; numbers.", '"1000:1000"'),
        "working_dir": Field(Word(words.path, "a path"), "The folder to start in.", "/home/student"),
        "read_only": Field(TRUTH, "Whether the image's own files cannot be changed.", "true"),
        "restart": Field(
            Word(words.restart),
            "always or unless-stopped, as happens anyway; no or on-failure, where another service waits for its end.",
            "unless-stopped",
        ),
    },
    refusals.SERVICE,
)

VOLUME = Record({}, refusals.VOLUME)
FILE = Record({"content": Field(TEXT, "What the file holds.", "Welcome!", required=True)}, refusals.FILE)
TRANSLATED = Either(
    single=TEXT,
    fields=Record(
        {
            "en": Field(TEXT, "In English.", "First steps in Linux"),
            "ru": Field(TEXT, "In Russian.", "Первые шаги в Linux"),
        }
    ),
)

ACCESS_KIND = Word(words.choice(*ACCESS_KINDS), ", ".join(ACCESS_KINDS))
ACCESS = Either(
    single=ACCESS_KIND,
    fields=Record(
        {
            "type": Field(ACCESS_KIND, "ssh, http or vnc.", "ssh", required=True),
            "component": Field(LABEL, "The service; may be left out where there is only one.", "web"),
            "port": Field(
                PORT_NUMBER, "The port in the container; 2222 for ssh, 8080 for http, 5900 for vnc if left out.", "2222"
            ),
        }
    ),
)

X_LAB = Record(
    {
        "title": Field(TRANSLATED, "What students see; the lab's id if left out.", "{en: Linux, ru: Линукс}"),
        "text": Field(TRANSLATED, "What students have to do.", "Find the flag."),
        "access": Field(
            Either(ACCESS.single, ListOf(ACCESS), ACCESS.fields), "How students get in.", "ssh", required=True
        ),
        "deployment_mode": Field(
            Word(words.choice(*DEPLOYMENT_MODES)),
            "per_student gives everyone an instance, per_group one to each group; per_student if left out.",
            "per_group",
        ),
        "internet": Field(TRUTH, "Whether students reach web servers outside from it; false if left out.", "true"),
        "security": Field(
            Word(words.choice(*SECURITY_LEVELS)),
            "What programs in it may do; restricted if left out.",
            "baseline",
        ),
        "volume": Field(SIZE, "The size of each instance's volume; 5Gi if left out.", "2Gi"),
        "lifetime": Field(Word(words.lifetime, "a duration"), "When an instance ends by itself.", "4h"),
    },
    refusals.X_LAB,
)

LAB = Record(
    {
        "name": Field(Word(words.lab_id, "a name"), "The lab's id.", "linux-basics", required=True),
        "version": Field(TEXT, "Obsolete in Compose, and without meaning here.", '"3.8"'),
        "services": Field(
            MapOf(SERVICE, words.label, words="a map of services"),
            "The components of an instance.",
            "{lab: {image: registry.autolabs.internal/labs/linux-ssh:1}}",
            required=True,
        ),
        "volumes": Field(MapOf(VOLUME, words.entry, nothing=True), "The names of the lab's volumes.", "{home: }"),
        "configs": Field(MapOf(FILE, words.entry), "Small files for the components.", "{motd: {content: Hello}}"),
        "secrets": Field(MapOf(FILE, words.entry), "Small files to keep private.", "{flag: {content: f1ag}}"),
        "x-lab": Field(X_LAB, "What makes it a lab.", "{access: ssh}", required=True),
    },
    refusals.LAB,
)
