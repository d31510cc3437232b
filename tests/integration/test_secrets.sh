#!/usr/bin/env bash
# deploy/secrets.sh with what operators may put into deploy/secrets, as the user that it is in a container: nobody special.
set -euo pipefail
script=@PROJECT_SOURCE_DIR@/deploy/secrets.sh

scratch=$(mktemp -d)
trap 'chmod -R u+rwx "$scratch" && rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
as=()
[ "$(id -u)" != 0 ] || as=(setpriv --reuid 65534 --regid 65534 --clear-groups)

failed=0 passed=0
# says WHAT STATUS WORDS MODE: with this mode of the folder, its status, and words of what it prints ("" = any)
says() {
    local status=0 run=$scratch/run
    rm -rf "$run" && mkdir -p "$run"/{admin,daemon,redis,city,grafana,tls}
    [ ${#as[@]} = 0 ] || chown -R 65534:65534 "$run"
    chmod "$4" "$scratch/given"
    "${as[@]}" env LIFECIRCLE_CITY=bal sh "$script" "$scratch/given" "$run" >"$scratch/said" 2>&1 || status=$?
    [ ${#as[@]} != 0 ] || chmod 700 "$scratch/given"
    if [ "$status" = "$2" ] && grep -qF -- "$3" "$scratch/said"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL  %s: status %s\n' "$1" "$status"
        sed 's/^/    /' "$scratch/said"
    fi
}
# took WHAT FILE TEXT: after says
took() {
    if [ "$(cat "$scratch/run/$2")" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL  %s: %s is another\n' "$1" "$2"
    fi
}

mkdir "$scratch/given"
secret=$(printf '%064d' 7)
echo "$secret" >"$scratch/given/city-secret"
echo mine >"$scratch/given/redis-admin-password"
chmod 644 "$scratch/given"/*

says "a folder that all may read" 0 "made grafana-password" 755
took "a folder that all may read" city/city-secret "$secret"
says "a folder that may be looked into, not listed" 0 "made grafana-password" 711
took "a folder that may be looked into, not listed" city/city-secret "$secret"
took "a folder that may be looked into, not listed" admin/redis-password mine
if [ "$(id -u)" = 0 ]; then # else it is our own
    says "a folder of root alone" 1 "may not look into it: chmod 711 secrets" 700
    chmod 600 "$scratch/given/city-secret"
    says "a file of root alone" 1 "secrets/city-secret: user 65534 may not read it" 755
    says "a file of root alone in a folder that may not be listed" 1 "secrets/city-secret: user 65534 may not read it" 711
    chmod 644 "$scratch/given/city-secret"
fi
echo "not hex" >"$scratch/given/city-secret"
says "a secret that is none" 1 "city-secret: expected 64 hex digits" 755
rm "$scratch/given"/*
echo "no certificate" >"$scratch/given/tls.pem"
says "a certificate that is none" 1 "tls.pem: expected a key" 755
rm "$scratch/given"/*
says "an empty folder" 0 "made tls.pem, signed by itself" 755

echo "$passed passed, $failed failed"
[ $failed = 0 ]
