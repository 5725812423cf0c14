#!/bin/sh
# Joins the tailnet when a session starts in Claude Code's cloud. On a machine of your own it does nothing: that has a
# network already. What is printed here, Claude reads.
set -u
[ "${CLAUDE_CODE_REMOTE:-}" = true ] || exit 0
if ! command -v tsmcp >/dev/null 2>&1 && ! npm install --global --silent tsmcp >&2; then
  echo "tsmcp could not be installed, so the MCP servers on the tailnet cannot be reached."
  exit 0
fi
if ! tsmcp up @UP_ARGUMENTS@ --agent claude >&2; then
  echo "This machine could not join the tailnet, so its MCP servers cannot be reached; 'tsmcp status' says why."
fi
