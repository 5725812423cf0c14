import type { Command } from "commander";
import type { StatusReport } from "../../bootstrap/status.ts";
import type { ExposureStanding } from "../../expose/standing.ts";
import { createCommand, type Session } from "../command.ts";

export function statusCommand(session: Session): Command {
  return createCommand({
    session,
    name: "status",
    summary: "tell whether the tailnet answers",
    description: "Prints how the node is doing. Exit code 0 only if the tailnet answers through the proxy.",
    examples: ["tsmcp status", "tsmcp status --json"],
    run: async (context) => {
      const [{ readBootstrapStatus }, { exposureStanding }, { exposeDirectory }] = await Promise.all([
        import("../../bootstrap/status.ts"),
        import("../../expose/standing.ts"),
        import("../expose-request.ts"),
      ]);
      const report = await readBootstrapStatus({ socket: context.socket }, context);
      const { socket } = report;
      const directory = exposeDirectory(socket, context);
      const exposure = await exposureStanding({ socket, directory }, context.signal);
      context.result({ ...report, exposure }, textOf(report) + exposureLine(exposure));
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
  return lines.map(lineOf).join("");
}

function exposureLine(exposure: ExposureStanding): string {
  switch (exposure.status) {
    case "none":
      return "";
    case "stands":
      return lineOf(["exposed", standingText(exposure)]);
    case "abandoned":
      return lineOf([
        "exposed",
        `no more: ${exposure.handlers} handlers lead to a gateway that is gone; run "tsmcp expose --bg" again, or --off`,
      ]);
  }
}

function standingText({ pid, isDetached, missing }: Extract<ExposureStanding, { readonly status: "stands" }>): string {
  const by = `by process ${pid}${isDetached ? ", in the background" : ""}`;
  return missing === 0 ? by : `${by}, but ${missing} of its handlers are served no longer`;
}

function lineOf([label, value]: readonly [label: string, value: string]): string {
  return `${label.padEnd(11)} ${value}\n`;
}
