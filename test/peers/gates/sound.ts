import type { IncomingMessage } from "node:http";
import { type Exposure, recipe } from "./exposure.ts";
import { hasEveryHeader, isServe, type Place } from "./flawed.ts";
import { type Gate, type GateServer, startGate } from "./mcp-server.ts";
import { startPlainGate } from "./plain-server.ts";
import { type Closed, startSoundServer } from "./sound-server.ts";

/** A gate that lets nobody in from the internet. */
export interface SoundGate {
  readonly name: string;
  readonly start: (place: Place) => Promise<SoundServer>;
}

export interface SoundServer extends GateServer {
  /** How the node exposes it, where not by one port behind both. */
  readonly exposures?: readonly Exposure[];
}

const gate: Gate = (request: IncomingMessage) => hasEveryHeader(request) && isServe(request);

export const soundGates: readonly SoundGate[] = [
  ...(["stateless", "modern", "dual"] as const).map(
    (flavour): SoundGate => ({
      name: `counts the headers and looks for the mark, ${flavour}`,
      start: ({ path, tools }) => startGate({ gate, path, tools, flavour }),
    }),
  ),
  {
    name: "keeps sessions per side",
    start: ({ path, tools }) => startGate({ gate, path, tools, flavour: "sessions", bound: true }),
  },
  {
    name: "wants a login and no mark",
    start: ({ path, tools }) =>
      startGate({ gate: (request) => gate(request) && "tailscale-user-login" in request.headers, path, tools }),
  },
  closed("answers 403 to the internet", { status: 403 }),
  closed("answers 404 to the internet", { status: 404 }),
  closed("wants OAuth on the internet", {
    status: 401,
    headers: {
      "www-authenticate": 'Bearer resource_metadata="https://auth.example/.well-known/oauth-protected-resource"',
    },
  }),
  closed("answers a page to the internet", { status: 200, headers: { "content-type": "text/html" } }),
  {
    name: "stumbles over hosts that it does not know",
    start: ({ path, tools, publicName }) =>
      startSoundServer({
        path,
        tools,
        trusts: gate,
        stumblesOver: ({ headers }) => headers.host?.split(":")[0] !== publicName,
      }),
  },
  {
    name: "has a listener for each side",
    start: ({ path, tools, flavour }) => apart({ path, tools, flavour }),
  },
  {
    name: "lists nothing before it is told that the client is initialized",
    start: ({ path, tools }) => startSoundServer({ path, tools, trusts: gate, isStrict: true }),
  },
  {
    name: "takes its time",
    start: ({ path, tools }) => startSoundServer({ path, tools, trusts: gate, delayMs: 120 }),
  },
  {
    name: "sends its callers on to the path with a slash",
    start: ({ path, tools }) => startSoundServer({ path, tools, trusts: gate, redirects: true }),
  },
  {
    name: "is home-made and counts as well",
    start: ({ path, tools }) => startPlainGate({ path, tools, trusts: ({ request }) => gate(request) }),
  },
];

function closed(name: string, answer: Closed): SoundGate {
  return { name, start: ({ path, tools }) => startSoundServer({ path, tools, trusts: gate, closed: answer }) };
}

/** Two servers: which one answers is decided by the port alone. */
async function apart(options: Pick<Place, "path" | "tools" | "flavour">): Promise<SoundServer> {
  const inside = await startGate({ ...options, gate: () => true });
  const outside = await startGate({ ...options, gate: () => false });
  const [serve] = recipe(inside.port);
  const [, funnel] = recipe(outside.port);
  return {
    ...inside,
    exposures: [serve, funnel].filter((one) => one !== undefined),
    async [Symbol.asyncDispose]() {
      await inside[Symbol.asyncDispose]();
      await outside[Symbol.asyncDispose]();
    },
  };
}
