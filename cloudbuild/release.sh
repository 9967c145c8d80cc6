#!/usr/bin/env bash
# The steps of release.yaml and rollback.yaml: bash cloudbuild/release.sh STEP [PERCENT].
#
# Variables are the build's substitutions. Steps hand on what they found in release/:
#   images    each image and its digest
#   operator  the image of the command that sends documents through
#   before    each service and the revision that served before
#   tokens    the build's own account's, for that command: one for each API
#   smoked    whether its documents came through
# services.txt has a service, its container and its image a line; who hears comes before who speaks,
# so that no event of a new release meets an old worker because of the order.
set -euo pipefail

here=$(dirname "$0")
state=${RELEASE_STATE:-release}
services=$here/services.txt

fail() {
  echo "$*" >&2
  exit 1
}

# It must not read the lines of the loop that it stands in.
gcloud() { command gcloud --quiet "$@" </dev/null; }

run() { gcloud run "$@" --region="$_REGION"; }

# What follows the service's name in this release's revisions.
suffix() { echo "r${COMMIT_SHA:0:7}-${BUILD_ID:0:8}"; }

# IMAGE: its digest, as the step `images` found it.
digest() { awk -v image="$1" '$1 == image { print $2 }' "$state/images"; }

# SERVICE: the revision that served before this release.
before() { awk -v service="$1" '$1 == service { print $2 }' "$state/before"; }

# SERVICE: who has how much of its traffic, REVISION=PERCENT a line.
shares() {
  run services describe "$1" --flatten='status.traffic[]' \
    --format='value(status.traffic.percent,status.traffic.revisionName)' |
    awk -F'\t' '$1 > 0 { print $2 "=" $1 }' | sort
}

# SERVICE: the revision that has all of its traffic; nothing when several share it.
serving() { shares "$1" | sed -n 's/=100$//p'; }

# SERVICE REVISION=PERCENT,…
send() { run services update-traffic "$1" --to-revisions="$2"; }

# IMAGE TAG: the digest that carries a tag; nothing when none does.
tagged() {
  gcloud artifacts docker tags list "$_REPOSITORY/$1" \
    --format='value(tag.basename(),version.basename())' | awk -v tag="$2" '$1 == tag { print $2 }'
}

images() {
  mkdir -p "$state"
  : >"$state/images"
  local image found
  for image in $(cut -d' ' -f3 "$services" | sort -u) operator; do
    found=$(tagged "$image" "$_ACCEPTS-$COMMIT_SHA")
    [[ $found =~ ^sha256:[0-9a-f]{64}$ ]] ||
      fail "no image $image:$_ACCEPTS-$COMMIT_SHA: let the commit pass what comes before this"
    echo "$image $found" | tee -a "$state/images"
  done
  echo "$_REPOSITORY/operator@$(digest operator)" >"$state/operator"
}

# JOB: has it run this release's commands.
renew() {
  gcloud run jobs update "$1" --region="$_REGION" --container=command --image="$(<"$state/operator")"
}

migrate() {
  renew docledger-migrate
  run jobs execute docledger-migrate --wait
}

# Every service is looked at before the first is touched.
deploy() {
  : >"$state/before"
  local service container image now
  while read -r service container image; do
    now=$(serving "$service")
    [[ -n $now ]] || fail "$service is between two releases: finish that one, or roll it back"
    echo "$service $now" >>"$state/before"
  done <"$services"
  while read -r service container image; do
    gcloud run services update "$service" --region="$_REGION" --no-traffic \
      --revision-suffix="$(suffix)" --update-labels="before=$(before "$service")" \
      --container="$container" --image="$_REPOSITORY/$image@$(digest "$image")"
  done <"$services"
}

# Who speaks goes back before who hears; one that fails keeps no other.
restore() {
  local service to failed=0
  while read -r service to; do
    send "$service" "$to=100" || failed=1
  done < <(tac "$state/before")
  return "$failed"
}

# WHY: gives the old revisions all traffic, and fails the build.
give_up() {
  restore || fail "$1; NOT everything went back: run rollback.yaml"
  fail "$1: all traffic is back where it was"
}

# Tokens of an hour, for what is sent through next.
tokens() {
  local api
  for api in "$_SUBMIT" "$_AUDITOR"; do
    gcloud auth print-identity-token --audiences="$api"
  done >"$state/tokens"
}

# Nothing is sent anywhere when somebody else moved traffic meanwhile: a rollback that the next step
# undid would be none, and of two releases at once each service would serve another.
undisturbed() {
  local had service was expected
  had=$(cat "$state/had" 2>/dev/null || echo 0)
  while read -r service was; do
    expected=$was=100
    ((had == 0)) || expected=$(printf '%s\n' "$service-$(suffix)=$had" "$was=$((100 - had))" | sort)
    [[ $(shares "$service") == "$expected" ]] ||
      fail "$service has other traffic than this release gave it: somebody else releases, or rolled back; this one ends here, and moves nothing"
  done <"$state/before"
}

traffic() {
  local percent=$1 service was
  undisturbed
  echo "$percent" >"$state/had"
  while read -r service was; do
    ((percent == 100)) && was="" || was=",$was=$((100 - percent))"
    send "$service" "$service-$(suffix)=$percent$was" || give_up "$service could not be sent traffic"
  done <"$state/before"
  tokens || give_up "there are no tokens to send documents with"
}

# Sends documents through, one after the other: at 5 % many pass the new revisions by. It runs where
# docker is; what became of them is for `check`, where gcloud is.
smoke() {
  local sent
  { read -r SUBMIT_TOKEN && read -r AUDITOR_TOKEN; } <"$state/tokens"
  export SUBMIT_TOKEN AUDITOR_TOKEN
  export DOCLEDGER_SMOKE_SUBMIT=$_SUBMIT DOCLEDGER_SMOKE_SUBMIT_TOKEN=env:SUBMIT_TOKEN
  export DOCLEDGER_SMOKE_AUDITOR=$_AUDITOR DOCLEDGER_SMOKE_AUDITOR_TOKEN=env:AUDITOR_TOKEN
  export DOCLEDGER_SMOKE_KEY=$_KEY DOCLEDGER_SMOKE_TENANT=$_TENANT
  echo no >"$state/smoked"
  for ((sent = 0; sent < _SMOKES; sent++)); do
    docker run --rm --env SUBMIT_TOKEN --env AUDITOR_TOKEN \
      --env DOCLEDGER_SMOKE_SUBMIT --env DOCLEDGER_SMOKE_SUBMIT_TOKEN \
      --env DOCLEDGER_SMOKE_AUDITOR --env DOCLEDGER_SMOKE_AUDITOR_TOKEN \
      --env DOCLEDGER_SMOKE_KEY --env DOCLEDGER_SMOKE_TENANT \
      "$(<"$state/operator")" smoke </dev/null || return 0
  done
  echo yes >"$state/smoked"
}

came_through() { [[ $(<"$state/smoked") == yes ]]; }

# SERVICE: whether this release's revision of it is ready.
ready() {
  run revisions describe "$1-$(suffix)" --flatten='status.conditions[]' \
    --format='value(status.conditions.type,status.conditions.status)' |
    awk '$1 == "Ready" && $2 == "True" { found = 1 } END { exit !found }'
}

check() {
  local service
  while read -r service _; do
    ready "$service" || give_up "$service-$(suffix) is not ready"
  done <"$state/before"
  came_through || give_up "a document did not come through"
}

# After a rollback there is nothing to give up.
tried() { came_through || fail "a document did not come through: the older release is not well either"; }

# What people start is of the release that serves. Until it serves alone, the older commands work on its
# tables (ADR 29); after a rollback the newer ones do, and stay.
commands() {
  local job
  for job in operate erase keys; do
    renew "docledger-$job" ||
      fail "docledger-$job has the commands of an older release still; all traffic is on this one: run the build again"
  done
}

passed() {
  local image its found
  while read -r image its; do
    found=$(tagged "$image" "$_PASSES_AS-$COMMIT_SHA")
    [[ $found == "$its" ]] || gcloud artifacts docker tags add \
      "$_REPOSITORY/$image@$its" "$_REPOSITORY/$image:$_PASSES_AS-$COMMIT_SHA"
  done <"$state/images"
}

# Every revision is looked for before the first service is touched.
back() {
  mkdir -p "$state"
  : >"$state/before"
  local service to moves=0
  while read -r service _; do
    to=$service-$_TO
    [[ -n $_TO ]] || to=$(run services describe "$service" --format='value(metadata.labels.before)')
    [[ -n $to ]] || fail "$service does not say what served before: name a release, _TO=…"
    run revisions describe "$to" --format='value(metadata.name)' ||
      fail "there is no revision $to any more: name another release, _TO=…"
    [[ $(serving "$service") == "$to" ]] || moves=1
    echo "$service $to" >>"$state/before"
  done <"$services"
  ((moves)) || fail "all of it serves already: name an older release, _TO=…"
  restore || fail "NOT everything went back: run it again"
  # The last release's command sends documents through whichever release serves.
  run jobs describe docledger-migrate --flatten='spec.template.spec.template.spec.containers[]' \
    --format='value(spec.template.spec.template.spec.containers.image)' |
    grep -m 1 '/operator@sha256:' >"$state/operator"
  tokens
}

case ${1:-} in
  images | migrate | deploy | smoke | check | commands | passed | back | tried) "$1" ;;
  traffic) traffic "$2" ;;
  *) fail "no step '${1:-}': images, migrate, deploy, traffic, smoke, check, commands, passed, back, tried" ;;
esac
