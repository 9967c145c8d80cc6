#!/bin/bash
# Stands in for gcloud and docker in tests of release.sh: knows its calls, keeps services, revisions,
# tags and labels as files under $FAKE, notes every change in $FAKE/changes, fails where $FAKE/fails says.
set -euo pipefail
[[ $1 != --quiet ]] || shift
call="$*"
value() { grep -oE -- "$1=[^ ]*" <<<"$call" | tail -1 | cut -d= -f2-; }
change() { echo "$*" >>"$FAKE/changes"; }
may_fail() { if grep -qxF -- "$*" "$FAKE/fails" 2>/dev/null; then exit 1; fi; }
case $call in
  "artifacts docker tags list "*)
    cat "$FAKE/tags/${5##*/}" 2>/dev/null || true ;;
  "artifacts docker tags add "*)
    image=${5##*/}
    echo "${6##*:}	${image#*@}" >>"$FAKE/tags/${image%@*}"
    change "tag ${6##*/}" ;;
  "run services describe "*"--flatten=status.traffic"*)
    cat "$FAKE/traffic/$4" ;;
  "run services describe "*"metadata.labels.before"*)
    cat "$FAKE/before/$4" 2>/dev/null || true ;;
  "run services update-traffic "*)
    to=$(value --to-revisions)
    may_fail "traffic $4 $to"
    for one in ${to//,/ }; do
      [[ -e $FAKE/revisions/${one%=*} ]]
      printf '%s\t%s\n' "${one#*=}" "${one%=*}"
    done >"$FAKE/traffic/$4"
    change "traffic $4 $to" ;;
  "run services update "*" --no-traffic "*)
    value --image | grep -qE '@sha256:[0-9a-f]{64}$'
    revision=$4-$(value --revision-suffix)
    echo True >"$FAKE/revisions/$revision"
    value --update-labels | cut -d= -f2 >"$FAKE/before/$4"
    change "deploy $4 $(value --container) $(value --image)" ;;
  "run revisions describe "*)
    [[ -e $FAKE/revisions/$4 ]]
    may_fail "ready $4" && printf 'Active\tTrue\nReady\tTrue\n' ;;
  "run jobs update "*)
    may_fail "renew $4"
    value --image | tee "$FAKE/job-$4" | grep -qE '/operator@sha256:[0-9a-f]{64}$'
    change "renew $4 $(value --container)" ;;
  "run jobs describe docledger-migrate "*)
    echo elsewhere/cloud-sql-proxy@sha256:0a
    cat "$FAKE/job-$4" ;;
  "run jobs execute "*" --wait"*)
    change "run $4"
    may_fail "run $4" ;;
  "auth print-identity-token "*)
    echo "token/$(value --audiences)" ;;
  "run --rm "*"/operator@sha256:"*" smoke") # docker
    change "smoke"
    [[ $SUBMIT_TOKEN == token/$DOCLEDGER_SMOKE_SUBMIT ]]
    [[ $AUDITOR_TOKEN == token/$DOCLEDGER_SMOKE_AUDITOR && -n $DOCLEDGER_SMOKE_KEY ]]
    may_fail "smoke after $(grep -c "^traffic" "$FAKE/changes")" ;;
  *)
    echo "no such call: $call" >&2
    exit 64 ;;
esac
