"""What takes an unconfirmed change back without us: a script for a timer that repeats, and a unit for the next boot."""

from __future__ import annotations

STATE = "var/lib/autolabs/firewall"
TIMER = "autolabs-firewall-rollback"
BOOT_UNIT = "etc/systemd/system/autolabs-firewall-recover.service"
UFW_LOCK = "run/ufw.lock"
OLD = ".autolabs-old"
"""Ends the name by which an old file is kept beside the new one: to bring it back takes no space on the disk."""
AGAIN_SECONDS = 15
"""How long after a way back that failed the next one is tried."""
CHANGED, ABSENT, NOT_STARTED, NOT_HOOKED = "changed", "absent", "not-started", "not-hooked"
"""What is kept in `previous` besides the kernel's rules: names of files that are replaced, of files that were not
there, and notes that ufw was not started at boot and that our chains were not there."""

# ufw locks as lockf(3) does, which no program for shells of Debian 12 can do. Somebody may sit at a question of ufw's
# for hours; the old rules are more important.
_WITH_UFWS_LOCK = """\
import fcntl, subprocess, sys, time
with open(sys.argv[1], "a") as lock:
    for _attempt in range(100):
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:
            time.sleep(0.1)
    sys.exit(subprocess.call(["/bin/sh", *sys.argv[2:]]))
"""


def timer(seconds: int, script_path: str) -> list[str]:
    """The command that arranges the way back: after `seconds`, and again until the script has succeeded."""
    after = [f"--on-active={seconds}", f"--on-unit-inactive={AGAIN_SECONDS}", "--timer-property=AccuracySec=100ms"]
    # By the shell: the folder may be mounted without leave to execute.
    return ["systemd-run", f"--unit={TIMER}", "--quiet", *after, "/bin/sh", script_path]


def script(root: str) -> str:
    """A shell script for root; `root` is what every path begins with, `/` on a host.

    It does nothing once the change is confirmed, and may be ended and started again at any moment. With the argument
    `boot`, it leaves loading to ufw's own start. The kernel comes first: nothing on the disk can keep the way in shut.
    """
    again = " ".join(timer(AGAIN_SECONDS, '"$0"'))
    return f"""\
#!/bin/sh
# Takes the firewall back to what it was before a change that nobody confirmed. Written by ufw_ruleset.
state={root}{STATE}
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
if [ -z "${{AUTOLABS_LOCKED:-}}" ]; then
    exec 9>"$state/lock"
    flock 9
    export AUTOLABS_LOCKED=yes
    command -v python3 >/dev/null && exec python3 -c '
{_WITH_UFWS_LOCK}' {root}{UFW_LOCK} "$0" "$@"
fi
if [ ! -e "$state/pending" ]; then
    [ "${{1:-}}" = boot ] || systemctl stop {TIMER}.timer
    exit 0
fi
failed=0
cd "$state/previous" || exit 1
for tables in iptables ip6tables; do
    [ "${{1:-}}" != boot ] && [ -e $tables ] || continue
    $tables-restore -w 5 -n <$tables || failed=1
    if [ -e {NOT_HOOKED} ]; then
        $tables -w -t mangle -D PREROUTING -j autolabs-published && $tables -w -t mangle -X autolabs-published
        $tables -w -t mangle -D FORWARD -j autolabs-forwarded && $tables -w -t mangle -X autolabs-forwarded
    fi 2>/dev/null
done
while read -r file; do
    old="{root}$file{OLD}"
    # One that is not there was brought back by an earlier attempt.
    [ -e "$old" ] || continue
    mv -f "$old" "{root}$file" || failed=1
    sync "{root}$file" || :
done <{CHANGED}
while read -r file; do
    rm -f "{root}$file" || failed=1
done <{ABSENT}
if [ -e {NOT_STARTED} ]; then
    systemctl disable --quiet ufw.service || failed=1
fi
if [ $failed != 0 ]; then
    logger -t autolabs-firewall "the old rules could not be restored yet; they are in $state/previous" || :
    [ "${{1:-}}" != boot ] || {again}
    exit 1
fi
rm -f "$state/pending"
logger -t autolabs-firewall "new rules were not confirmed in time; the old ones are back" || :
[ "${{1:-}}" = boot ] || systemctl stop {TIMER}.timer || :
"""


def boot_unit() -> str:
    """A systemd unit: a host that was restarted before a change was confirmed starts with the old rules."""
    return f"""\
# Written by ufw_ruleset.
[Unit]
Description=Take back firewall rules that nobody confirmed
DefaultDependencies=no
RequiresMountsFor=/{STATE} /etc/ufw
After=local-fs.target
Before=ufw.service
ConditionPathExists=/{STATE}/pending

[Service]
Type=oneshot
ExecStart=/bin/sh /{STATE}/rollback boot

[Install]
WantedBy=multi-user.target
"""
