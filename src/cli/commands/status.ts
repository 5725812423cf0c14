import type { Command } from "commander";
import type { StatusReport } from "../../bootstrap/status.ts";
import { createCommand, type Session } from "../command.ts";

export function statusCommand(session: Session): Command {
  return createCommand({
    session,
    name: "status",
    summary: "tell whether the tailnet answers",
    description: "Prints how the node is doing. Exit code 0 only if the tailnet answers through the proxy.",
    examples: ["tsmcp status", "tsmcp status --json"],
    run: async (context) => {
      const { readBootstrapStatus } = await import("../../bootstrap/status.ts");
      const report = await readBootstrapStatus({ socket: context.socket }, context);
      context.result(report, textOf(report));
      return report.up ? 0 : 1;
    },
  });
}

function answerOf({ up, online, state, lockedOut }: StatusReport): string {
  if (lockedOut) return "does not answer: the tailnet's lock has not signed this node";
  if (!up) return state === "NeedsLogin" ? "does not answer: this node is not logged in" : "does not answer";
  return online === false
    ? "answers through the proxy, but the coordination server has lost this node: logged out, removed, or out of reach"
    : "answers through the proxy";
}

function textOf(report: StatusReport): string {
  const lines: readonly (readonly [label: string, value: string])[] = [
    ["tailnet", answerOf(report)],
    ["state", report.state ?? "no tailscaled answers"],
    ["node", report.node?.name ?? "-"],
    ["addresses", report.node?.ips.join(", ") ?? "-"],
    ["tags", report.node?.tags.join(", ") || "-"],
    ["proxy", report.proxy ?? "-"],
    ["tailscaled", report.daemon === null ? (report.version ?? "-") : `${report.version ?? ""} (pid ${report.daemon})`],
    ["socket", report.socket],
    ...report.health.map((line): readonly [string, string] => ["health", line]),
  ];
  return lines.map(([label, value]) => `${label.padEnd(11)} ${value}\n`).join("");
}
