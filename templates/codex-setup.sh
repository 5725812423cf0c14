#!/bin/sh
# The setup script of the environment (chatgpt.com/codex, Environments): the only phase that has the secret TS_AUTHKEY.
set -eu
npm install --global tsmcp
tsmcp up @UP_ARGUMENTS@ --agent codex
