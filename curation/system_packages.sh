#!/bin/sh
# Installs the system packages that the PDF (Pango) and the browser tests (Chromium, Poppler) need, where apt can.
set -u
want="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core fonts-liberation"
[ "${1:-}" = pdf ] || want="$want chromium poppler-utils bcftools tabix"
missing=""
for package in $want; do
  dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing:$missing" >&2
  apt-get update -qq >/dev/null 2>&1
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 && exit 0
fi
echo "please install these system packages:$missing" >&2
exit 0
