"""What takes an unconfirmed change back without us: a script for a timer, and a unit for the next boot."""

from __future__ import annotations

STATE = "var/lib/autolabs/firewall"
TIMER = "autolabs-firewall-rollback"
BOOT_UNIT = "etc/systemd/system/autolabs-firewall-recover.service"
LOCK_SECONDS = 10
"""How long the script waits for whoever changes the firewall; who takes longer is stuck."""


def script(root: str) -> str:
    """A shell script for root; `root` is what every path begins with, `/` on a host.

    It does nothing once the change is confirmed. With the argument `boot`, it leaves loading to ufw's own start.
    """
    return f"""\
#!/bin/sh
# Takes the firewall back to what it was before a change that nobody confirmed. Written by ufw_ruleset.
state={root}{STATE}
PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin
exec 9>"$state/lock"
flock -w {LOCK_SECONDS} 9 || :
[ -e "$state/pending" ] || exit 0
cd "$state/previous/files" || exit 1
failed=0
for file in $(find . -type f); do
    new="{root}$file.autolabs"
    cp -p "$file" "$new" && sync "$new" && mv -f "$new" "{root}$file" || failed=1
done
for tables in iptables ip6tables; do
    [ "${{1:-}}" != boot ] && [ -e "../$tables" ] || continue
    $tables-restore -w 5 -n <"../$tables" || failed=1
    if ! grep -q autolabs-published ./etc/ufw/before.rules; then
        $tables -w -t mangle -D PREROUTING -j autolabs-published && $tables -w -t mangle -X autolabs-published
        $tables -w -t mangle -D FORWARD -j autolabs-forwarded && $tables -w -t mangle -X autolabs-forwarded
    fi 2>/dev/null
done
if [ $failed != 0 ]; then
    logger -t autolabs-firewall "the old rules could not be restored; they are in $state/previous" || :
    exit 1
fi
rm -f "$state/pending"
logger -t autolabs-firewall "new rules were not confirmed in time; the old ones are back" || :
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
ExecStart=/{STATE}/rollback boot

[Install]
WantedBy=multi-user.target
"""
