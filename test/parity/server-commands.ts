import type { ParityWorld } from "./world.ts";

/** What is asked of the server's tailscale, in this order, and how. */
export interface ServerCommand {
  readonly title: string;
  readonly ask: (world: ParityWorld) => Promise<unknown>;
}

const tailscale = (...args: string[]): ServerCommand => ({
  title: `tailscale ${args.join(" ")}`,
  ask: async (world) => {
    const { exitCode, stdout, stderr } = await world.onServer(args);
    // The order of a JSON object's keys is nobody's.
    const out = inOneOrder(world.normalised(stdout));
    // Usage that follows a wrong flag is not imitated.
    const errors = world.normalised(stderr).replace(/^(flag provided but not defined: .*\n)[\s\S]*/, "$1");
    return { exitCode, stdout: args.includes("--json") ? JSON.parse(out) : out, stderr: errors };
  },
});

/** The ports with Funnel are listed in whatever order Go gives a map's keys. */
function inOneOrder(text: string): string {
  return text.replace(/(?:^# {5}- .*\n)+/gm, (lines) => `${lines.trimEnd().split("\n").toSorted().join("\n")}\n`);
}

const localApi = (
  title: string,
  pathOf: (world: ParityWorld) => string,
  pick: (body: string) => unknown,
): ServerCommand => ({
  title: `LocalAPI: ${title}`,
  ask: async (world) => {
    const { status, body } = await world.askServer(pathOf(world));
    return { status, body: pick(world.normalised(body)) };
  },
});

interface Whois {
  readonly Node: { readonly Name: string; readonly Tags?: readonly string[]; readonly Addresses: readonly string[] };
  readonly UserProfile: { readonly LoginName: string; readonly DisplayName: string; readonly ProfilePicURL?: string };
  readonly CapMap: object | null;
}

/** What tsmcp reads of it. */
function whoisOf(body: string): unknown {
  const { Node, UserProfile, CapMap }: Whois = JSON.parse(body);
  const { LoginName, DisplayName, ProfilePicURL } = UserProfile;
  return {
    name: Node.Name,
    tags: Node.Tags,
    address: Node.Addresses[0],
    LoginName,
    DisplayName,
    ProfilePicURL,
    CapMap,
  };
}

const text = (body: string): string => body;

export const serverCommands: readonly ServerCommand[] = [
  localApi("whois of a tagged node", (world) => `whois?addr=${world.address("agent")}`, whoisOf),
  localApi("whois of a user's node", (world) => `whois?addr=${world.address("user")}`, whoisOf),
  localApi("whois of a node without grants", (world) => `whois?addr=${world.address("stranger")}`, whoisOf),
  localApi("whois with a port", (world) => `whois?addr=${world.address("agent")}:1234`, whoisOf),
  localApi("whois of nobody", () => "whois?addr=100.64.9.9", text),
  localApi("whois of what is no address", () => "whois?addr=nobody", text),
  localApi("a path that there is not", () => "nothing", text),
  localApi(
    "the serve configuration",
    () => "serve-config",
    (body) => JSON.parse(body),
  ),
  tailscale("serve", "status", "--json"),
  tailscale("serve", "reset"),
  tailscale("serve", "status"),
  tailscale("serve", "status", "--json"),
  tailscale(
    "serve",
    "--bg",
    "--yes",
    "--https=8443",
    "--set-path=/mcp/notes",
    "--accept-app-caps=example.com/cap/mcp",
    "3000",
  ),
  tailscale("serve", "--bg", "--yes", "--https=8443", "http://127.0.0.1:3000/secret"),
  tailscale("funnel", "--bg", "--yes", "--https=443", "localhost:3001"),
  tailscale("funnel", "--bg", "--yes", "--https=9999", "3001"),
  tailscale("serve", "status"),
  tailscale("serve", "status", "--json"),
  tailscale("funnel", "status", "--json"),
  tailscale("serve", "--bg", "--yes", "--https=443", "--set-path=/x", "3000"),
  tailscale("serve", "--https=8443", "--set-path=/mcp/notes", "off"),
  tailscale("serve", "--https=8443", "--set-path=/mcp/notes", "off"),
  tailscale("serve", "--https=8444", "off"),
  tailscale("serve", "--bg", "--https=8443", "ftp://x"),
  tailscale("serve", "reset"),
  tailscale("whois", "100.64.9.9"),
];
