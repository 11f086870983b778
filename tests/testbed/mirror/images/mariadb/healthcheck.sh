#!/bin/sh
# healthcheck.sh [--connect] [--innodb_initialized]: whether the server takes connections, whether its tables can be used.
set -eu

query() {
    mariadb --defaults-file=/var/lib/mysql/.my-healthcheck.cnf --batch --skip-column-names "$@"
}

for test in "${@:---connect}"; do
    case "$test" in
        --connect) query --protocol=tcp -h 127.0.0.1 -e 'SELECT 1' > /dev/null ;;
        --innodb_initialized)
            query -e "SELECT 1 FROM information_schema.ENGINES WHERE engine = 'innodb' AND support IN ('YES', 'DEFAULT')" \
                | grep -q 1 ;;
        *) echo "healthcheck.sh: $test is not known here" >&2; exit 1 ;;
    esac
done
