/** tsmcp's own error codes, outside −32768…−32000, which the protocol keeps for itself (MCP 2026-07-28). */
export const ownCodes = {
  unreachable: -31001,
  lost: -31002,
  http: -31003,
  tooLarge: -31004,
  timeout: -31005,
  ended: -31006,
  protocol: -31007,
} as const;
