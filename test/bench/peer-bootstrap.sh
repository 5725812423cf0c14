#!/bin/sh
# peer-bootstrap DIRECTORY PROXY LOGIN_SERVER   the shell script that people write instead of "tsmcp up"; the floor.
# The key is in DIRECTORY/key. tailscaled goes on running; its process id is in DIRECTORY/pid.
set -eu
directory=$1 proxy=$2 login_server=$3
tailscaled --tun=userspace-networking --statedir="$directory/state" --socket="$directory/sock" --port=0 \
  --socks5-server="$proxy" --outbound-http-proxy-listen="$proxy" --no-logs-no-support \
  >"$directory/log" 2>&1 </dev/null &
echo $! >"$directory/pid"
until [ -S "$directory/sock" ]; do sleep 0.005; done
tailscale --socket="$directory/sock" up --auth-key="file:$directory/key" --login-server="$login_server" \
  --hostname=peer --shields-up --timeout=30s
