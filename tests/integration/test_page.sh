#!/usr/bin/env bash
# Runs the examples of a page of documentation, in order, in one shell, against a town of real daemons. A block ```sh is
# run; a block ```json or ```text behind it is what it prints, where … stands for anything on its line.
#
#     test_feeds [--show] [PAGE]     --show prints what was printed instead of judging it; test_sandbox is another name
set -euo pipefail
top=@PROJECT_SOURCE_DIR@ build=@CMAKE_BINARY_DIR@
show='' name=$(basename "$0")
page=$top/docs/${name#test_}.md
case $name in *sandbox) city=--sandbox ;; *) city='--orders 0' ;; esac
for word in "$@"; do
    if [ "$word" = --show ]; then show=yes; else page=$(realpath "$word"); fi
done

scratch=$(mktemp -d)
. "$top/tests/integration/demo_town.sh"
mkdir "$scratch/work"
# shellcheck disable=SC2086
demo_town $city
KEY=$(lcctl chain add corner --name "Corner Shops" --currency USD | tail -n 1)
export KEY
await_key

# blocks: N.sh is the N-th example, N.out what it prints (absent: nothing is said about it)
awk -v dir="$scratch" '
    /^```$/ && kind != "" {kind = ""; next}
    /^```/ {
        kind = substr($0, 4)
        if (kind == "sh") file = dir "/" ++n ".sh"
        else if ((kind == "json" || kind == "text") && n > 0) file = dir "/" n ".out"
        else file = "/dev/null"
        next
    }
    kind != "" {print > file}' "$page"

# fits EXPECTED SAID: line by line, … is anything
fits() {
    local -a want got
    mapfile -t want <"$1"
    mapfile -t got <"$2"
    [ ${#want[@]} = ${#got[@]} ] || return 1
    local i pattern
    for i in "${!want[@]}"; do
        pattern=$(printf '%s' "${want[i]}" | sed 's/[][\\*?]/\\&/g; s/…/*/g')
        # shellcheck disable=SC2053
        [[ ${got[i]} == $pattern ]] || return 1
    done
}

run=0 judged=0 failed=0
cd "$scratch/work"
for ((n = 1; ; n++)); do
    example=$scratch/$n.sh
    [ -e "$example" ] || break
    run=$((run + 1))
    # the matcher hears of stores and shelves a little later than intake has answered: who only looks, looks again
    tries=1
    ! grep -q '/v1/stores/nearby' "$example" || tries=50
    for ((; tries > 0; tries--)); do
        status=0
        timeout 90 bash -euo pipefail "$example" >"$scratch/said" 2>&1 || status=$?
        if [ $tries = 1 ] || [ -n "$show" ] || fits "$scratch/$n.out" "$scratch/said"; then break; fi
        sleep 0.2
    done
    if [ -n "$show" ]; then
        printf -- '---- %s (exit %s)\n' "$n" "$status"
        cat "$scratch/said"
        echo
        continue
    fi
    [ ! -e "$scratch/$n.out" ] || judged=$((judged + 1))
    if [ $status != 0 ] || { [ -e "$scratch/$n.out" ] && ! fits "$scratch/$n.out" "$scratch/said"; }; then
        failed=$((failed + 1))
        printf 'FAIL example %s of %s (exit %s):\n' "$n" "$page" "$status"
        sed 's/^/    $ /' "$example"
        echo '  expected:'
        sed 's/^/    /' "$scratch/$n.out" 2>/dev/null || true
        echo '  said:'
        sed 's/^/    /' "$scratch/said"
        echo
    fi
done
[ -n "$show" ] || printf '%s examples, %s of them with what they print, %s wrong\n' "$run" "$judged" "$failed"
[ $failed = 0 ] && [ $run -gt 0 ] && [ -n "$show$judged" ]
