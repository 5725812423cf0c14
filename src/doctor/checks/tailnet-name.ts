import { type Outcome, targetCheck } from "../check.ts";
import { knownName, type NameFinding } from "../facts/known-name.ts";

export const tailnetName = targetCheck<NameFinding>({
  id: "tailnet.name",
  group: "tailnet",
  title: "the tailnet knows the server's name",
  needs: ["tailscale.state", "proxy.connect", "proxy.magicdns"],
  timeoutMs: 15_000,
  source: "https://tailscale.com/kb/1081/magicdns",
  explain: {
    proves: "The name in the server's URL belongs to a node that this one may see.",
    breaks:
      "A slip in the URL, a server that got another name when it joined again (notes-1), a node that was removed, or a tailnet policy that hides the server from this node altogether.",
    mend: "Compare with the names that tailscale status shows here; where the server is missing, look for it in the admin console and in the policy.",
  },
  gather: knownName,
  judge: judgeName,
});

export function judgeName(found: NameFinding): Outcome {
  const { host } = found;
  switch (found.kind) {
    case "known":
      return {
        status: "pass",
        message: `${host} is ${found.addresses[0] ?? "an address"}`,
        facts: { host, addresses: [...found.addresses] },
      };
    case "absent": {
      const { like, suffix } = found;
      return {
        status: "fail",
        message: `no node that this one may see is called ${host}`,
        facts: { host, suffix, like: like ?? null },
        reproduce: "tailscale status",
        hint:
          like === undefined
            ? "check the name, and that the tailnet policy lets this node see the server"
            : `did you mean ${like}?`,
      };
    }
    case "dialed":
      if (found.failure === undefined) return { status: "pass", message: `${host} leads somewhere`, facts: { host } };
      return {
        status: "fail",
        message: `the name ${host} leads nowhere: ${found.failure}`,
        facts: { host, reason: found.failure },
        reproduce: "tailscale status",
        hint: "check the name, and that this machine is on the tailnet that has it",
      };
  }
}
