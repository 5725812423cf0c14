import type { Exposed, ExposeOutcome } from "../expose/outcome.ts";
import { refusalText } from "../expose/refusal.ts";
import type { Finding } from "../expose/request.ts";

/** Returns the outcome as `--json` prints it. */
export function describeExposure(outcome: ExposeOutcome): object {
  return outcome.status === "refused" ? outcome : { ...outcome, entry: agentEntry(outcome) };
}

/** Returns what went wrong, in a line; "" where nothing did. */
export function exposureError(outcome: ExposeOutcome): string {
  if (outcome.status === "withdrawn") return `tsmcp: error: the proof failed: ${outcome.proof.detail}\n`;
  if (outcome.status !== "refused") return "";
  const count = outcome.refusals.length;
  return `tsmcp: error: nothing was exposed: ${count === 1 ? "one thing stands" : `${count} things stand`} in the way\n`;
}

/** Returns the outcome for people. */
export function exposureText(outcome: ExposeOutcome): string {
  switch (outcome.status) {
    case "refused":
      return refusalText(outcome.refusals);
    case "planned":
      return [
        `the gateway listens on ${wordOf(outcome)} (${outcome.backend.why})`,
        ...outcome.commands,
        ...notesOf(outcome),
        "",
      ].join("\n");
    case "withdrawn":
      return [
        ...outcome.proof.findings.map(findingText),
        "everything was taken away again, Funnel first: the proof failed",
        "",
      ].join("\n");
    case "exposed":
      return [
        ...outcome.tailnetUrls.map((url) => `the tailnet:  ${url}`),
        ...outcome.publicUrls.map((url) => `the internet: ${url}`),
        ...notesOf(outcome),
        ...outcome.proof.findings.map(findingText),
        ...(outcome.proof.verdict === "pass"
          ? []
          : ["it stands, but could not be proven: run tsmcp doctor from an agent's machine"]),
        "",
        "For the agent, to be committed (.cursor/mcp.json, .mcp.json):",
        JSON.stringify(agentEntry(outcome), null, 2),
        "",
      ].join("\n");
  }
}

/** What an agent's file has to say; `tsmcp init` writes it in each agent's own dialect. */
function agentEntry({ host, tailnetUrls }: Exposed): object {
  const label = host.split(".")[0] ?? host;
  return {
    mcpServers: Object.fromEntries(
      tailnetUrls.map((url) => {
        const name = /\/mcp\/([^/]+)$/.exec(url)?.[1] ?? label;
        return [name, { command: "tsmcp", args: ["bridge", url] }];
      }),
    ),
  };
}

function findingText({ id, status, message, hint }: Finding): string {
  return `${status.toUpperCase()} ${id}: ${message}${hint === null ? "" : `\n       do:    ${hint}`}`;
}

function notesOf({ notes }: Exposed): readonly string[] {
  return notes.map((note) => `note: ${note}`);
}

function wordOf({ backend }: Exposed): string {
  return backend.kind === "sockets" ? "unix sockets" : "loopback, behind a secret path";
}
