#!/bin/sh
# `sim` as a user meets it: every mistake is named, with its cause, a remedy and the exit code that
# the manual lists; what was done is kept.
#   sim_command_test.sh WEFT_SIM
set -eu
sim=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() { echo "sim_command_test: $1" >&2; cat "$work/out" "$work/err" >&2; exit 1; }
# expect CODE WORDS ARGUMENTS: the program ends so and says so on standard error.
expect() {
  code=$1 words=$2 status=0
  shift 2
  "$sim" "$@" >"$work/out" 2>"$work/err" || status=$?
  [ "$status" -eq "$code" ] || die "exit code $status, not $code: $*"
  [ -z "$words" ] || grep -q -e "$words" "$work/err" || die "does not say \"$words\": $*"
}
mkdir "$work/a b"
cat >"$work/a b/mine.toml" <<TOML
name = "mine"
nodes = 12
duration = "3m"
join_over = "30s"
[workload]
lookups_per_node_hour = 60
warmup = "1m"
TOML
mine="$work/a b/mine.toml"
expect 0 '100 %' sim run "$mine"  # the control
expect 2 '1 to 2\|2 to 2000000, not 0' sim run "$mine" --nodes 0
expect 2 'not many' sim run "$mine" --nodes many
expect 2 'not -1' sim run "$mine" --seed -1
expect 2 'not 99999999999999999999' sim run "$mine" --seed 99999999999999999999
expect 2 'not 3' sim run "$mine" --threads 3
expect 2 'all of 2 nodes would be seeds' sim run "$mine" --nodes 2
expect 2 'fix: give --nodes 6 or more' sim run "$mine" --nodes 2
expect 2 'bogus' sim run "$mine" --bogus
expect 4 'there is no scenario' sim run nobody
expect 4 'there is no scenario' sim check "$work"
expect 4 'did you mean churn?' sim run chrun

# Anywhere, with nothing of the source tree beside it: what comes with weft is in the program.
(cd / && "$sim" --quiet sim run bootstrap --nodes 20 >"$work/out" 2>"$work/err") ||
  die "a shipped scenario does not run away from the source tree"
(cd / && "$sim" sim show churn >"$work/shown.toml" && "$sim" sim list >"$work/out" 2>"$work/err")
expect 0 '' sim check "$work/shown.toml"
expect 1 'cannot write to /dev/null/x' sim run "$mine" --out /dev/null/x
[ ! -s "$work/out" ] || die "it ran before it looked whether it may write"
expect 1 'cannot write /dev/null/x' sim run "$mine" --trace /dev/null/x
printf 'name = "x"\n[network]\nmatrix = "rtt.csv"\n' >"$work/far.toml"
expect 2 'cannot read the latency matrix' sim check "$work/far.toml"
expect 2 'fix: edit it' sim check "$work/far.toml"
printf '0,20\n20,0\n' >"$work/rtt.csv"
expect 0 '' sim check "$work/far.toml"
if [ -c /dev/full ]; then
  expect 1 'is not complete' sim run "$mine" --trace /dev/full
  grep -q '^digest' "$work/out" || die "the result is lost with the trace"
  status=0
  "$sim" sim run "$mine" --quiet >/dev/full 2>"$work/err" || status=$?
  [ "$status" -eq 1 ] || die "a full disk ended with $status"
fi

# The report names the command that shows it again, whatever the file is called.
"$sim" sim run "$mine" --quiet --out "$work/r" >"$work/out" 2>"$work/err"
replay=$(sed -n 's/.*Repeat with<br><code>\([^<]*\).*/\1/p' "$work/r/report.html" |
  sed "s/&#39;/'/g")
eval "$replay --quiet" >"$work/again" || die "\"$replay\" does not run"
[ "$(grep '^digest' "$work/out")" = "$(grep '^digest' "$work/again")" ] || die "other digest"

# Ctrl-C keeps what was done.
sed 's/^duration = .*/duration = "300d"/' "$mine" >"$work/long.toml"
"$sim" sim run "$work/long.toml" --out "$work/cut" >"$work/out" 2>"$work/err" &
pid=$!
while ! grep -q '^0 %' "$work/err"; do
  kill -0 "$pid" || die "it ended before its first tenth"
  sleep 0.1
done
kill -INT "$pid"
status=0
wait "$pid" || status=$?
[ "$status" -eq 130 ] || die "interrupted: $status"
grep -q '^digest' "$work/out" || die "interrupted: no digest"
grep -q 'Interrupted after' "$work/cut/report.html" || die "the report does not say that it is cut"
