#!/bin/bash
# Makes the database at the first start, by POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB (each also as NAME_FILE),
# POSTGRES_INITDB_ARGS, POSTGRES_HOST_AUTH_METHOD and what is in /docker-entrypoint-initdb.d; then runs the command.
set -eu -o pipefail

fail() {
    echo "postgres: $*" >&2
    exit 1
}

from_file() {
    local file="$1_FILE"
    [ -n "${!file:-}" ] || return 0
    [ -z "${!1:-}" ] || fail "$1 and $file are both set; set one"
    export "$1=$(< "${!file}")"
}

make() {
    from_file POSTGRES_PASSWORD
    from_file POSTGRES_USER
    from_file POSTGRES_DB
    export POSTGRES_USER=${POSTGRES_USER:-postgres}
    export POSTGRES_DB=${POSTGRES_DB:-$POSTGRES_USER}
    local method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
    [ -n "${POSTGRES_PASSWORD:-}" ] || [ "$method" = trust ] \
        || fail "there is no database yet, and no password for its superuser: set POSTGRES_PASSWORD"
    local words=(initdb --username "$POSTGRES_USER") file
    file=$(mktemp)
    echo "${POSTGRES_PASSWORD:-}" > "$file"
    [ -z "${POSTGRES_PASSWORD:-}" ] || words+=(--pwfile "$file")
    # shellcheck disable=SC2206
    words+=(${POSTGRES_INITDB_ARGS:-})
    "${words[@]}"
    rm "$file"
    echo "host all all all $method" >> "$PGDATA/pg_hba.conf"

    local server=(pg_ctl -D "$PGDATA" -w)
    PGUSER=$POSTGRES_USER "${server[@]}" -o "-c listen_addresses='' -p 5432" start
    if [ "$POSTGRES_DB" != postgres ]; then
        query -d postgres -v name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name";'
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        echo "postgres: running $file"
        case "$file" in
            *.sql) query -f "$file" ;;
            *.sql.gz) gunzip -c "$file" | query ;;
            *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
        esac
    done
    "${server[@]}" -m fast stop
}

query() {
    PGHOST='' psql -v ON_ERROR_STOP=1 --no-psqlrc -U "$POSTGRES_USER" -d "$POSTGRES_DB" "$@"
}

[ "${1:0:1}" != - ] || set -- postgres "$@"
if [ "${1:-}" = postgres ]; then
    mkdir -p "$PGDATA" && chmod 0700 "$PGDATA" 2> /dev/null || :
    if [ "$(id -u)" = 0 ]; then
        chown -R postgres:postgres "$PGDATA"
        exec setpriv --reuid postgres --regid postgres --init-groups "$0" "$@"
    fi
    # initdb wants a name for whoever runs it.
    if ! getent passwd "$(id -u)" > /dev/null; then
        export LD_PRELOAD=libnss_wrapper.so NSS_WRAPPER_PASSWD=/tmp/passwd NSS_WRAPPER_GROUP=/tmp/group
        echo "postgres:x:$(id -u):$(id -g)::$PGDATA:/bin/false" > "$NSS_WRAPPER_PASSWD"
        echo "postgres:x:$(id -g):" > "$NSS_WRAPPER_GROUP"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        (shopt -s nullglob; make)
    fi
fi
exec "$@"
