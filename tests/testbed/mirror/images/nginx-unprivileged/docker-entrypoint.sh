#!/bin/sh
# Fills in the variables of templates, runs what a lab put into /docker-entrypoint.d, and then the command.
set -eu
if [ "${1:-}" = nginx ]; then
    if [ -w /etc/nginx/conf.d ]; then
        # Only variables that exist: nginx has dollar signs of its own.
        names=$(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/${\1}/p' | tr '\n' ' ')
        for template in /etc/nginx/templates/*.template; do
            [ ! -e "$template" ] \
                || envsubst "$names" < "$template" > "/etc/nginx/conf.d/$(basename "$template" .template)"
        done
    fi
    for script in /docker-entrypoint.d/*.sh; do
        [ ! -x "$script" ] || "$script"
    done
fi
exec "$@"
