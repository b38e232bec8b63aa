# What scripts/demo and scripts/test need before they can begin. Sourced by them, in the checkout.

say() { printf '%s\n' "$*"; }

# Ends the script: what is wrong, and what to do.
give_up() {
  printf '%s\n' "$@" >&2
  exit 1
}

# Node.js, which nobody should get from us unasked.
need_node() {
  local found
  found=$(node -p 'const [a, b] = process.versions.node.split("."); a > 20 || (a == 20 && b >= 19) ? "ok" : process.version' 2>/dev/null) ||
    give_up 'Node.js is missing; 20.19 or later is needed (https://nodejs.org/en/download).'
  [ "$found" = ok ] ||
    give_up "Node.js 20.19 or later is needed, and this is $found (https://nodejs.org/en/download)."
  command -v npm >/dev/null || give_up 'npm is missing; it comes with Node.js, and with Debian as the package "npm".'
}

# The packages of package-lock.json, when there are none yet or the lock has changed since.
need_npm_packages() {
  [ -e node_modules/.package-lock.json ] && [ ! package-lock.json -nt node_modules/.package-lock.json ] && return
  # npm would empty whatever the link leads to, which others use.
  [ ! -L node_modules ] || give_up "node_modules leads to $(readlink -f node_modules), where other packages are than in package-lock.json: run npm ci there."
  [ -w . ] || give_up "$PWD cannot be written by $(id -un): run this as its owner, or in a copy of your own."
  # An account without a home has no cache either.
  if [ ! -w "${HOME:-/nonexistent}" ]; then export npm_config_cache=$PWD/.demo/npm; fi
  say 'Installing the npm packages of package-lock.json …'
  run_quietly npm ci --no-audit --no-fund --loglevel=error ||
    give_up 'npm could not install the packages; its words are above. It needs a registry it can reach.'
}

# Both programs, when a source is newer than they are.
need_build() {
  [ -e dist/runfcgid.js ] && [ -e dist/fcgictl.js ] &&
    [ -z "$(find src package-lock.json rolldown.config.js scripts/third-party.js -newer dist/fcgictl.js -print -quit)" ] && return
  say 'Building …'
  run_quietly npm run --silent build || give_up 'The build failed; its words are above.'
}

# Installs packages of Debian. Returns 1, having said why, where that cannot be done.
install_debian_packages() {
  if ! command -v apt-get >/dev/null; then
    say 'This system has no apt-get: install them in its own way.'
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    say "Not root, so they are not installed. Do it with: sudo apt-get install $*"
    return 1
  fi
  say "Installing from Debian: $* …"
  keep_services_down
  run_quietly apt_install "$@"
  local status=$?
  let_services_up
  return $status
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive
  # The lists of a fresh machine or container are empty or old; otherwise they are good enough.
  apt-get install --yes --no-install-recommends "$@" ||
    { apt-get update && apt-get install --yes --no-install-recommends "$@"; }
}

# We need the programs only: a web server must not begin to serve port 80 because of us. See invoke-rc.d(8).
policy=/usr/sbin/policy-rc.d
keep_services_down() {
  [ ! -e "$policy" ] && printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy" && policy_is_ours=yes
}
let_services_up() {
  [ "${policy_is_ours:-}" = yes ] && rm -f "$policy"
  policy_is_ours=
}

# Runs a command and shows what it says only when it fails.
run_quietly() {
  local output status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
  [ $status = 0 ] || printf '%s\n' "$output" >&2
  return $status
}
