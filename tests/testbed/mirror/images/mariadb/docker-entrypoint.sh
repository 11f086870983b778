#!/bin/bash
# Makes the database at the first start, by MARIADB_ROOT_PASSWORD, MARIADB_ROOT_HOST, MARIADB_DATABASE, MARIADB_USER and
# MARIADB_PASSWORD (each also as NAME_FILE, and with MYSQL_ for MARIADB_) and what is in /docker-entrypoint-initdb.d;
# then runs the command.
set -eu -o pipefail

data=/var/lib/mysql
socket=/run/mysqld/mysqld.sock

fail() {
    echo "mariadb: $*" >&2
    exit 1
}

setting() {
    local name value=
    for name in "MARIADB_$1" "MYSQL_$1"; do
        local file="${name}_FILE"
        value=${!name:-}
        [ -n "$value" ] || [ -z "${!file:-}" ] || value=$(< "${!file}")
        [ -z "$value" ] || break
    done
    printf %s "$value"
}

quoted() {
    local text=${1//\\/\\\\}
    printf "'%s'" "${text//\'/\\\'}"
}

make() {
    local root database user password random
    root=$(setting ROOT_PASSWORD)
    database=$(setting DATABASE)
    user=$(setting USER)
    password=$(setting PASSWORD)
    random=$(setting RANDOM_ROOT_PASSWORD)
    if [ -n "$random" ]; then
        root=$(head -c 18 /dev/urandom | base64)
        echo "mariadb: GENERATED ROOT PASSWORD: $root"
    fi
    [ -n "$root" ] || [ -n "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ] \
        || fail "there is no database yet, and no password for root: set MARIADB_ROOT_PASSWORD"
    mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db > /dev/null
    "$@" --skip-networking --socket="$socket" &
    local server=$!
    until [ -S "$socket" ] && mariadb-admin --no-defaults --socket="$socket" -u root ping > /dev/null 2>&1; do
        kill -0 "$server" 2> /dev/null || fail "the server ended while the database was made"
        sleep 0.2
    done

    local host health
    host=$(setting ROOT_HOST)
    health=$(head -c 18 /dev/urandom | base64)
    printf '[mariadb-client]\nport=3306\nsocket=%s\nuser=healthcheck\npassword=%s\n' "$socket" "$health" \
        > "$data/.my-healthcheck.cnf"
    {
        echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$root");"
        echo "CREATE USER root@$(quoted "${host:-%}") IDENTIFIED BY $(quoted "$root");"
        echo "GRANT ALL ON *.* TO root@$(quoted "${host:-%}") WITH GRANT OPTION;"
        for host in localhost 127.0.0.1 ::1; do
            echo "CREATE USER healthcheck@'$host' IDENTIFIED BY '$health';"
        done
        [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
        if [ -n "$user" ]; then
            echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$password");"
            [ -z "$database" ] || echo "GRANT ALL ON \`${database//_/\\_}\`.* TO $(quoted "$user")@'%';"
        fi
    } | mariadb --no-defaults --socket="$socket" -u root
    local file
    export MYSQL_PWD=$root
    for file in /docker-entrypoint-initdb.d/*; do
        echo "mariadb: running $file"
        case "$file" in
            *.sql) query "$database" < "$file" ;;
            *.sql.gz) gunzip -c "$file" | query "$database" ;;
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
        esac
    done
    unset MYSQL_PWD
    kill "$server"
    wait "$server"
}

query() {
    mariadb --no-defaults --socket="$socket" -u root ${1:+"$1"}
}

[ "${1:0:1}" != - ] || set -- mariadbd "$@"
if [ "${1:-}" = mariadbd ] || [ "${1:-}" = mysqld ]; then
    if [ "$(id -u)" = 0 ]; then
        chown -R mysql:mysql "$data" /run/mysqld
        exec setpriv --reuid mysql --regid mysql --init-groups "$0" "$@"
    fi
    if [ ! -d "$data/mysql" ]; then
        (shopt -s nullglob; make "$@")
    fi
fi
exec "$@"
