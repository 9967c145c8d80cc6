#!/bin/sh
# Install the named Debian packages that are missing. Without root it says so and goes on: the tests
# that need one skip and name it, and fail where CI is set.
set -u
missing=""
for package in "$@"; do
  dpkg-query --show --showformat='${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' ||
    missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  echo "missing for the tests with outside programs; as root on Debian: apt-get install --no-install-recommends$missing" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
install() {
  # shellcheck disable=SC2086 - one word a package
  apt-get install --yes --quiet --quiet --no-install-recommends $missing >/dev/null
}
install 2>/dev/null || { apt-get update --quiet --quiet && install; } ||
  echo "could not install$missing; the tests that need them will say so" >&2
exit 0
