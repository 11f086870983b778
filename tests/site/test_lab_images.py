"""The lab images do their work without root, as Pod Security `restricted` has it: no Kubernetes is needed to see it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from testbed.mirror import build
from testbed.shell import CommandFailed, run

pytestmark = [pytest.mark.hosts, pytest.mark.slow]

PASSWORD = "Correct-horse:7é"
RESTRICTED = "--reuid 1000 --regid 1000 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
# What a container runtime gives a container: namespaces, /proc, a few devices, terminals of group 5.
CONTAINER = f"""
set -eu
image=$1; root=$2; volume=$3; secrets=$4; shift 4
ip link set lo up
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir "$root/upper" "$root/work" "$root/merged"
mount -t overlay -o "lowerdir=$image,upperdir=$root/upper,workdir=$root/work" overlay "$root/merged"
root=$root/merged
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/dev"
for device in null:3 zero:5 random:8 urandom:9; do mknod -m 666 "$root/dev/${{device%:*}}" c 1 "${{device#*:}}"; done
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" && ln -s pts/ptmx "$root/dev/ptmx"
mount -t devpts -o newinstance,gid=5,mode=620,ptmxmode=666 devpts "$root/dev/pts"
mkdir -p "$root$volume_at" "$root/run/autolabs"
mount --bind "$volume" "$root$volume_at"
mount --bind "$secrets" "$root/run/autolabs"
mount -o remount,bind,ro "$root/run/autolabs"
exec chroot "$root" /usr/bin/setpriv {RESTRICTED} env -i AUTOLABS_CREDENTIALS=/run/autolabs \\
    AUTOLABS_LAB_ID=lab-7 AUTOLABS_STUDENT_ID=ivanov LESSON="a 'quoted' value" PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
"""

# Arguments: address, form ('' for GET), headers as a Python dictionary. Prints status and body.
FETCH = """
import ast, sys, urllib.error, urllib.request
address, form, headers = sys.argv[1:]
request = urllib.request.Request(address, form.encode() or None, ast.literal_eval(headers))
try:
    answer = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10)
except urllib.error.HTTPError as error:
    answer = error
sys.stdout.buffer.write(f"{answer.status} ".encode() + answer.read())
"""


@dataclass(frozen=True)
class Container:
    """A container that runs: its root, its log, and the process that holds its namespaces."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int

    def run(self, *command: str | Path, **env: str) -> str:
        """Run a program of this machine in the container's network."""
        words = ["nsenter", f"--net=/proc/{self.process.pid}/ns/net", *command]
        return run(words, timeout=60, env={**os.environ, **env})

    def wait(self) -> None:
        """Until it listens; fails with its log when it ends instead."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                pytest.fail(f"the container ended\n{self.log.read_text()}")
            listening = self.run("ss", "--no-header", "--listening", "--tcp", "--numeric", f"sport = :{self.port}")
            if listening.strip():
                return
            time.sleep(0.05)
        pytest.fail(f"nothing listens on port {self.port}\n{self.log.read_text()}")

    def terminate(self) -> None:
        """Send SIGTERM to its first process, as a kubelet does, and wait for its end."""
        tasks = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for child in tasks.read_text().split():
            os.kill(int(child), 15)
        self.process.wait(timeout=5)


@dataclass(frozen=True)
class Bench:
    """Where one test runs an image: its root, fresh at every start, a volume and credentials that stay."""

    root: Path
    folder: Path

    @property
    def volume(self) -> Path:
        return self.folder / "volume"

    @property
    def secrets(self) -> Path:
        return self.folder / "secrets"

    @contextmanager
    def start(self, mounted_at: str, port: int, *command: str) -> Iterator[Container]:
        fresh = self.folder / "root"
        fresh.mkdir(exist_ok=True)
        log = self.folder / "log"
        words = [
            "unshare",
            "--mount",
            "--net",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
            "sh",
            "-c",
            CONTAINER,
        ]
        with log.open("w") as output:
            process = subprocess.Popen(
                [*words, "container", self.root, fresh, self.volume, self.secrets, *command],
                env={**os.environ, "volume_at": mounted_at}, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            yield Container(process, log, port)
        finally:
            process.kill()
            process.wait(timeout=10)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Unpacks an image of the mirror, by its repository."""
    folder = tmp_path_factory.mktemp("images")

    def unpack(repository: str) -> Path:
        target = folder / repository.replace("/", "-")
        if not target.exists():
            build.unpack(repository, target)
        return target

    yield unpack
    shutil.rmtree(folder)


@pytest.fixture
def bench(tmp_path: Path) -> Callable[[Path], Bench]:
    """A volume as local-path makes it, empty and open to all, and credentials: open to all, or to the fsGroup."""

    def made(root: Path) -> Bench:
        found = Bench(root, tmp_path)
        found.volume.mkdir()
        found.volume.chmod(0o777)
        found.secrets.mkdir()
        (found.secrets / "password").write_text(f"{PASSWORD}\n")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", found.secrets / "ssh_host_ed25519_key"])
        (found.secrets / "ssh_host_ed25519_key").chmod(0o444)
        os.chown(found.secrets / "password", 0, 1000)
        (found.secrets / "password").chmod(0o440)
        return found

    return made


Make = Callable[[Path], Bench]
Roots = Callable[[str], Path]


class Ssh:
    """A client that knows the lab's host key and nothing else of this machine."""

    def __init__(self, bench: Bench, container: Container) -> None:
        self.container = container
        self.folder = bench.folder / "client"
        self.folder.mkdir(exist_ok=True)
        kind, key = (bench.secrets / "ssh_host_ed25519_key.pub").read_text().split()[:2]
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:2222 {kind} {key}\n")
        ask = self.folder / "askpass"
        ask.write_text('#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n')
        ask.chmod(0o700)

    def __call__(self, command: str, *options: str, password: str = PASSWORD, user: str = "student") -> str:
        """Log in by password and run a command; CommandFailed when that is refused or the command fails."""
        settings = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={self.folder}/known_hosts", "LogLevel=ERROR",
                    "NumberOfPasswordPrompts=1", "ControlPath=none", "IdentitiesOnly=yes",
                    "PreferredAuthentications=publickey,password"]  # fmt: skip
        words = ["ssh", "-F", "none", "-p", "2222", *(f"-o{setting}" for setting in settings), *options]
        ask = str(self.folder / "askpass")
        return self.container.run(
            *words, f"{user}@127.0.0.1", command, SSH_ASKPASS=ask, SSH_ASKPASS_REQUIRE="force", PASSWORD=password
        ).replace("\r\n", "\n")


def test_a_student_logs_in_and_keeps_what_is_at_home(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    entry = ["/usr/local/sbin/entrypoint"]
    with place.start("/home", 2222, *entry) as container:
        container.wait()
        ssh = Ssh(place, container)
        assert ssh("id -un; pwd; stat -c %a .; ls -A") == (
            "student\n/home/student\n700\n.bash_logout\n.bashrc\n.profile\n"
        )
        assert ssh('echo "$LANG|$LESSON|$AUTOLABS_STUDENT_ID"') == "C.UTF-8|a 'quoted' value|ivanov\n"
        assert ssh("tty && stat -c %G:%a $(tty)", "-tt").startswith("/dev/pts/")
        assert ssh("grep -E '^(CapEff|CapBnd|NoNewPrivs)' /proc/self/status").split() == [
            "CapEff:", "0" * 16, "CapBnd:", "0" * 16, "NoNewPrivs:", "1",
        ]  # fmt: skip
        for tool in ("git --version", "man -w ls", "ping -V", "tmux -V", "python3 -V", "dig -v", "vi --version"):
            ssh(tool)
        assert PASSWORD not in ssh("cat /proc/[0-9]*/cmdline; env")
        ssh("echo mine > file")
        container.terminate()
    with place.start("/home", 2222, *entry) as container:
        container.wait()
        assert Ssh(place, container)("cat file; stat -c %a .") == "mine\n700\n"


def test_nobody_else_logs_in(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    with place.start("/home", 2222, "/usr/local/sbin/entrypoint") as container:
        container.wait()
        ssh = Ssh(place, container)
        for attempt in ({"password": "wrong"}, {"password": ""}, {"user": "root"}, {"user": "daemon"}):
            with pytest.raises(CommandFailed, match="Permission denied"):
                ssh("true", **attempt)


def test_a_key_opens_the_home_of_its_owner(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    key = place.folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
    shutil.copy(key.with_suffix(".pub"), place.secrets / "authorized_keys")
    with place.start("/home", 2222, "/usr/local/sbin/entrypoint") as container:
        container.wait()
        assert Ssh(place, container)("id -un", "-oPasswordAuthentication=no", "-i", str(key)) == "student\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("password", "linux-ssh: /run/autolabs/password is missing: mount the instance's credentials"),
        ("ssh_host_ed25519_key", "linux-ssh: /run/autolabs/ssh_host_ed25519_key is missing"),
    ],
)
def test_without_credentials_the_machine_says_so_and_ends(roots: Roots, bench: Make, name: str, message: str) -> None:
    place = bench(roots("labs/linux-ssh"))
    (place.secrets / name).unlink()
    with place.start("/home", 2222, "/usr/local/sbin/entrypoint") as container:
        assert container.process.wait(timeout=10) != 0
        assert message in container.log.read_text()


def test_the_shop_opens_for_its_student_and_can_be_broken_into(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/sql-injection"))
    flag = hmac.new(PASSWORD.encode(), b"lab-7/ivanov", hashlib.sha256).hexdigest()[:24]
    basic = base64.b64encode(f"student:{PASSWORD}".encode()).decode()
    with place.start("/data", 8080, "python3", "/srv/shop.py") as container:
        container.wait()

        def get(path: str, *, form: str = "", **headers: str) -> str:
            return container.run(sys.executable, "-I", "-c", FETCH, f"http://127.0.0.1:8080{path}", form, str(headers))

        assert get("/healthz") == "200 ok\n"
        assert get("/").startswith("401")
        assert get("/", Authorization="Basic c3R1ZGVudDp4").startswith("401")
        assert "Desk lamp" in (page := get("/", Authorization=f"Basic {basic}")) and flag not in page
        russian = get("/", Authorization=f"Basic {basic}", **{"Accept-Language": "ru-RU,ru;q=0.9"})
        assert "Магазин ламп" in russian
        assert "Wrong name" in get("/", form="name=admin&password=x", Authorization=f"Basic {basic}")
        assert "Welcome, admin!" in get("/", form="name=admin'--&password=", Authorization=f"Basic {basic}")
        union = "/?q=%27%20UNION%20SELECT%20title,text%20FROM%20notes--"
        assert f"flag{{{flag}}}" in get(union, Authorization=f"Basic {basic}")
        assert "Well done" in get("/", form=f"flag=flag%7B{flag}%7D", Authorization=f"Basic {basic}")
        assert "&lt;b&gt;" in get("/?q=%3Cb%3E", Authorization=f"Basic {basic}")
        container.terminate()
