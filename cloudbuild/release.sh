#!/usr/bin/env bash
# The steps of release.yaml and rollback.yaml: bash cloudbuild/release.sh STEP [PERCENT].
#
# Variables are the build's substitutions. Steps hand on what they found in release/:
#   images  each image and its digest
#   before  each service and the revision that served before
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

# SERVICE: the revision that has all of its traffic; nothing when several share it.
serving() {
  run services describe "$1" --flatten='status.traffic[]' \
    --format='value(status.traffic.percent,status.traffic.revisionName)' |
    awk -F'\t' '$1 == 100 { print $2 }'
}

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
}

# JOB: gives it this release's image.
renew() {
  gcloud run jobs update "docledger-$1" --region="$_REGION" \
    --container="$1" --image="$_REPOSITORY/operator@$(digest operator)"
}

migrate() {
  renew migrate
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
  renew smoke
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

traffic() {
  local percent=$1 service was
  while read -r service was; do
    ((percent == 100)) && was="" || was=",$was=$((100 - percent))"
    send "$service" "$service-$(suffix)=$percent$was" || give_up "$service could not be sent traffic"
  done <"$state/before"
}

# Sends documents through, one after the other: at 5 % many pass the new revisions by.
try() {
  local sent
  for ((sent = 0; sent < _SMOKES; sent++)); do
    run jobs execute docledger-smoke --wait || return 1
  done
}

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
  try || give_up "a document did not come through"
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
}

case ${1:-} in
  images | migrate | deploy | check | passed | back | try) "$1" ;;
  traffic) traffic "$2" ;;
  *) fail "no step '${1:-}': images, migrate, deploy, traffic, check, passed, back or try" ;;
esac
