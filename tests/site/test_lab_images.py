"""The lab images do their work without root, as Pod Security `restricted` has it.

No Kubernetes is needed to see most of it; the desktop is looked at where students have it, on the cluster.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from running import Site, wait_until_open
from testbed.mirror import build
from testbed.paths import REPOSITORY
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
    AUTOLABS_LAB_ID=lab-7 AUTOLABS_STUDENT_ID=ivanov LESSON="a 'quoted' value" PATH=/usr/sbin:/usr/bin:/sbin:/bin \\
    HOME=/home/student "$@"
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
    def start(self, mounted_at: str, port: int, *command: str, beside: Container | None = None) -> Iterator[Container]:
        """Run a command as a container; `beside` is another one of the same Pod, whose network it shares."""
        fresh = self.folder / f"root-{port}"
        fresh.mkdir(exist_ok=True)
        log = self.folder / f"log-{port}"
        network = [f"nsenter --net=/proc/{beside.process.pid}/ns/net unshare"] if beside else ["unshare --net"]
        words = [*network[0].split(), *"--mount --pid --ipc --uts --fork --kill-child sh -c".split(), CONTAINER]
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
        (self.folder / "known_hosts").write_text(f"[127.0.0.1]:{container.port} {kind} {key}\n")
        ask = self.folder / "askpass"
        ask.write_text('#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n')
        ask.chmod(0o700)

    def __call__(self, command: str, *options: str, password: str = PASSWORD, user: str = "student") -> str:
        """Log in by password and run a command; CommandFailed when that is refused or the command fails."""
        settings = ["StrictHostKeyChecking=yes", f"UserKnownHostsFile={self.folder}/known_hosts", "LogLevel=ERROR",
                    "NumberOfPasswordPrompts=1", "ControlPath=none", "IdentitiesOnly=yes",
                    "PreferredAuthentications=publickey,password"]  # fmt: skip
        port = str(self.container.port)
        words = ["ssh", "-F", "none", "-p", port, *(f"-o{setting}" for setting in settings), *options]
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


def seat(place: Bench, port: int, *, beside: Container | None = None) -> AbstractContextManager[Container]:
    """The container of one member of a group."""
    entry = ["env", f"AUTOLABS_SSH_PORT={port}", "/usr/local/sbin/entrypoint"]
    return place.start("/home", port, *entry, beside=beside)


def kubelet_writes(place: Bench, password: str | None) -> None:
    """Update the mounted Secret as a kubelet does: everything in a new folder, which one rename puts in place."""
    entries = {"ssh_host_ed25519_key": (place.secrets / "ssh_host_ed25519_key").read_text()}
    if password is not None:
        entries["password"] = password
    fresh = place.secrets / f"..{time.monotonic_ns()}"
    fresh.mkdir()
    for name, text in entries.items():
        (fresh / name).write_text(text)
        (fresh / name).chmod(0o444)
    link = place.secrets / "..data"
    old = link.readlink() if link.is_symlink() else None
    (place.secrets / "..data_tmp").symlink_to(fresh.name)
    (place.secrets / "..data_tmp").rename(link)
    for name in ("password", "ssh_host_ed25519_key"):
        path = place.secrets / name
        if not path.is_symlink() or name not in entries:
            path.unlink(missing_ok=True)
        if name in entries and not path.is_symlink():
            path.symlink_to(f"..data/{name}")
    if old:
        shutil.rmtree(place.secrets / old)


def refused(ssh: Ssh, password: str = PASSWORD) -> bool:
    """Whether sshd answers and lets nobody in by this password."""
    return answer(ssh, password) == "refused"


def answer(ssh: Ssh, password: str) -> str:
    try:
        ssh("true", password=password)
    except CommandFailed as failed:
        return "refused" if "Permission denied" in str(failed) else "away"
    return "open"


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def processes(container: Container) -> set[str]:
    """The names of what runs in the container."""
    space = os.readlink(f"/proc/{container.process.pid}/ns/pid_for_children")
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.readlink(process / "ns/pid") == space:
                found.add((process / "comm").read_text().strip())
    return found


def test_a_member_who_leaves_is_cut_off_and_may_return(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    kubelet_writes(place, PASSWORD)
    with seat(place, 2223) as container:
        container.wait()
        ssh = Ssh(place, container)
        ssh("mkdir ~/.ssh; (setsid sh -c 'trap : HUP TERM; while :; do sleep 7; done' > /dev/null 2>&1 &)")
        ssh("strace -p 1 -o /dev/null & sleep 0.5; jobs > ~/attached")
        assert "Running" not in ssh("cat ~/attached"), "the first process can be halted by the member"
        key = place.folder / "key"
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key])
        ssh(f"echo '{key.with_suffix('.pub').read_text().strip()}' > ~/.ssh/authorized_keys")
        by_key = ["-oPasswordAuthentication=no", "-i", str(key)]
        assert ssh("id -un", *by_key) == "student\n"
        with ThreadPoolExecutor(1) as pool:
            session = pool.submit(ssh, "sleep 50")
            until(lambda: "sleep" in processes(container))
            kubelet_writes(place, None)
            with pytest.raises(CommandFailed, match="closed"):
                session.result(timeout=10)
        container.wait()
        assert processes(container) == {"seat", "sshd"}
        assert refused(ssh)
        with pytest.raises(CommandFailed, match="Permission denied"):
            ssh("true", *by_key)
        kubelet_writes(place, "Another-one-2")
        until(lambda: answer(ssh, "Another-one-2") == "open")
        assert refused(ssh)
        assert ssh("cat ~/attached; ls -A /proc/1/fd 2>&1 | tail -n 1", password="Another-one-2").endswith("denied\n")
        container.terminate()


def test_a_seat_without_a_password_stays_up_and_closed_until_there_is_one(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    kubelet_writes(place, None)
    with seat(place, 2224) as container:
        container.wait()
        ssh = Ssh(place, container)
        for password in (PASSWORD, "", "student"):
            assert refused(ssh, password)
        kubelet_writes(place, PASSWORD)
        until(lambda: answer(ssh, PASSWORD) == "open")
        assert ssh("pwd; (sleep 0.2 &); sleep 2; ps -o stat= -e | grep -c Z || :") == "/home/student\n0\n"
        container.terminate()


def test_a_seat_without_a_host_key_says_so_and_ends(roots: Roots, bench: Make) -> None:
    place = bench(roots("labs/linux-ssh"))
    (place.secrets / "ssh_host_ed25519_key").unlink()
    with seat(place, 2223) as container:
        assert container.process.wait(timeout=10) != 0
        assert "linux-ssh: /run/autolabs/ssh_host_ed25519_key is missing" in container.log.read_text()


def test_seats_that_start_at_once_share_one_home_and_no_password(
    roots: Roots, bench: Make, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = bench(roots("labs/linux-ssh"))
    others = []
    for number in range(3):
        folder = tmp_path_factory.mktemp("seat")
        shutil.copytree(place.secrets, folder / "secrets")
        (folder / "secrets/password").write_text(f"Password-{number}")
        (folder / "secrets/password").chmod(0o444)
        (folder / "volume").symlink_to(place.volume)
        others.append(Bench(place.root, folder))
    with seat(place, 2222) as first, ExitStack() as stack:
        seats = [first, *(stack.enter_context(seat(other, 2223 + n, beside=first)) for n, other in enumerate(others))]
        for container in seats:
            container.wait()
        logins = [Ssh(bench, container) for bench, container in zip([place, *others], seats, strict=True)]
        passwords = [PASSWORD, *(f"Password-{number}" for number in range(3))]
        for number, (ssh, password) in enumerate(zip(logins, passwords, strict=True)):
            ssh(f"echo {number} >> ~/visitors", password=password)
            assert refused(ssh, passwords[number - 1])
        assert logins[0]("cat visitors; ls -A /home; ls -A") == (
            "0\n1\n2\n3\nstudent\n.bash_logout\n.bashrc\n.profile\nvisitors\n"
        )


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


class Vnc:
    """A VNC viewer as far as the tests need one (RFC 6143), over 32-bit colours in Raw encoding."""

    def __init__(self, host: str, port: int, password: str) -> None:
        """Log in; PermissionError with the server's own words when it refuses."""
        self.socket = socket.create_connection((host, port), timeout=20)
        assert self.read(12) == b"RFB 003.008\n"
        self.socket.sendall(b"RFB 003.008\n")
        count = self.read(1)[0]
        if not count:
            raise PermissionError(self.text())
        assert self.read(count) == b"\x02", "VNC Authentication, and no way around it"
        self.socket.sendall(b"\x02")
        # VNC takes the bits of each byte of the key in the other order; DES is Triple DES with one key three times.
        key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0"))
        cipher = Cipher(TripleDES(key * 3), modes.ECB()).encryptor()
        self.socket.sendall(cipher.update(self.read(16)))
        if struct.unpack(">I", self.read(4))[0]:
            raise PermissionError(self.text())
        self.socket.sendall(b"\x01")
        self.width, self.height = struct.unpack(">HH", self.read(4))
        self.read(16)
        self.name = self.text()
        self.socket.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        self.socket.sendall(struct.pack(">BxHi", 2, 1, 0))

    def read(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            more = self.socket.recv(count - len(found))
            assert more, "the server closed the connection"
            found += more
        return found

    def text(self) -> str:
        return self.read(struct.unpack(">I", self.read(4))[0]).decode()

    def picture(self) -> bytes:
        """The whole screen, four bytes a point."""
        self.socket.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        while (kind := self.read(1)[0]) != 0:
            assert kind in (2, 3)
            if kind == 3:
                self.read(3)
                self.text()
        rows = bytearray(self.width * self.height * 4)
        for _ in range(struct.unpack(">xH", self.read(3))[0]):
            x, y, width, height, encoding = struct.unpack(">HHHHi", self.read(12))
            assert encoding == 0
            for line in range(height):
                start = ((y + line) * self.width + x) * 4
                rows[start : start + width * 4] = self.read(width * 4)
        return bytes(rows)

    def press(self, *keys: int) -> None:
        """Press keys together and let go of them (keysyms of X11)."""
        for down, order in ((1, keys), (0, keys[::-1])):
            for key in order:
                self.socket.sendall(struct.pack(">BB2xI", 4, down, key))

    def type(self, text: str) -> None:
        for letter in text:
            self.press(0xFF0D if letter == "\n" else ord(letter) if ord(letter) < 256 else 0x1000000 + ord(letter))

    def cut(self, text: str) -> None:
        """Put text on the desktop's clipboard."""
        self.socket.sendall(struct.pack(">B3xI", 6, len(text)) + text.encode("latin-1"))


@pytest.fixture(scope="module")
def desktop(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], str]]:
    """The connection to a student's desktop on the cluster, and the password."""
    handout = tmp_path_factory.mktemp("desktop") / "credentials.json"
    lab = str(REPOSITORY / "docs/labs/desktop.yml")
    played = site.playbook(
        "lab_start", {"lab_file": lab, "lab_students": ["vera"], "lab_credentials_file": str(handout)}
    )
    assert played.succeeded, played.output[-5000:]
    (entry,) = json.loads(handout.read_text())
    (connection,) = entry["connections"]
    wait_until_open(connection)
    yield {**connection, "pod": entry["instance"]}, entry["password"]
    site.playbook("lab_delete", {"lab_id": "desktop"})
    site.kubectl("-n", "labs", "delete", "pvc", "-l", "lab_id=desktop")


def colours(picture: bytes) -> int:
    return len({picture[start : start + 3] for start in range(0, len(picture), 4)})


def inside(site: Site, pod: str, command: str) -> str:
    return site.kubectl("-n", "labs", "exec", pod, "--", "bash", "-c", command)


def test_a_desktop_on_the_cluster_shows_itself_and_takes_keys(site: Site, desktop: tuple[dict[str, Any], str]) -> None:
    connection, password = desktop
    host, port, pod = connection["host"], connection["port"], connection["pod"]
    with pytest.raises(PermissionError, match=r"[Aa]uthentication fail"):
        Vnc(host, port, password[::-1])
    viewer = Vnc(host, port, password)
    assert (viewer.width, viewer.height, viewer.name) == (1280, 800, "desktop")
    until(lambda: colours(viewer.picture()) > 50, 30)
    assert inside(site, pod, "id -u; grep -E '^(CapEff|NoNewPrivs)' /proc/self/status").split() == [
        "1000", "CapEff:", "0" * 16, "NoNewPrivs:", "1",
    ]  # fmt: skip
    before = viewer.picture()
    viewer.press(0xFFE3, 0xFFE9, ord("t"))
    until(lambda: "lxterminal" in inside(site, pod, "ps -o comm= -e"), 20)
    until(lambda: viewer.picture() != before)
    time.sleep(1)
    viewer.type("echo Привет > typed\n")
    until(lambda: inside(site, pod, "cat ~student/typed 2> /dev/null || :") == "Привет\n")
    viewer.cut("from the viewer")
    until(lambda: inside(site, pod, "timeout 2 xclip -display :0 -o -selection clipboard || :") == "from the viewer")


def test_a_desktop_that_ends_comes_back(site: Site, desktop: tuple[dict[str, Any], str]) -> None:
    connection, password = desktop
    inside(site, connection["pod"], "kill -9 $(pgrep -x lxpanel); kill -9 $(pgrep -x Xtigervnc)")

    def shown() -> bool:
        with suppress(OSError, AssertionError):
            return colours(Vnc(connection["host"], connection["port"], password).picture()) > 50
        return False

    def whole() -> bool:
        """The parts of the desktop start one after another, and a picture is there before the last of them."""
        ran = inside(site, connection["pod"], "ps -o comm= -e")
        return {"openbox", "pcmanfm", "lxpanel"} <= set(ran.split()) and "defunct" not in ran

    until(shown, 30)
    until(whole, 30)
    assert site.objects("pod", "labs", "lab_id=desktop")[0]["status"]["containerStatuses"][0]["restartCount"] == 0
