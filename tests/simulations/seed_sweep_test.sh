#!/bin/sh
# tools/seed_sweep must find a failing seed and print the command that shows it again: an
# expectation nobody can meet, and one that everybody meets as its control.
#   WEFT_SIM=.../weft_sim seed_sweep_test.sh SOURCE_DIR
set -eu
sweep=$1/tools/seed_sweep
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scenario() {  # scenario FILE BYTES_PER_NODE_SECOND
  cat >"$1" <<TOML
name = "sweep"
duration = "3m"
join_over = "30s"
[workload]
lookups_per_node_hour = 60
warmup = "1m"
[expect]
bytes_per_node_second = $2
TOML
}
die() { echo "seed_sweep_test: $1" >&2; cat "$work/out" >&2; exit 1; }

scenario "$work/easy.toml" 1000000
"$sweep" "$work/easy.toml" --nodes 20 --seeds 1 2 --twice >"$work/out" || die "the control failed"
grep -q '^2 seeds, 0 failed$' "$work/out" || die "the control was miscounted"

if "$sweep" "$work/easy.toml" --seeds 5 4 >"$work/out" 2>&1; then die "no seed at all passed"; fi
if "$sweep" "$work/easy.toml" --seeds 5 >"$work/out" 2>&1; then die "half a range passed"; fi
grep -q 'needs a value more' "$work/out" || die "does not say what is missing"

scenario "$work/it's hard.toml" 1
if "$sweep" "$work/it's hard.toml" --nodes 20 --seeds 3 4 >"$work/out"; then die "nothing failed"; fi
grep -q '^2 seeds, 2 failed$' "$work/out" || die "not both seeds failed"
grep -q 'expected at most 1$' "$work/out" || die "the reason is not named"
replay=$(sed -n 's/^ *repeat: //p' "$work/out" | head -1)
[ -n "$replay" ] || die "no command to repeat it"
status=0
first=$(eval "$replay --quiet" 2>/dev/null | sed -n 's/^digest *//p') || true
eval "$replay --quiet" >"$work/again" 2>/dev/null || status=$?
[ "$status" -eq 1 ] || die "the printed command ends with $status, not with the failure"
[ "$first" = "$(sed -n 's/^digest *//p' "$work/again")" ] || die "it does not repeat its digest"
