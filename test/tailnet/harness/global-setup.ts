import { buildTailnet } from "./build.ts";

/** For vitest's `globalSetup`: the cold build has no test's time limit there. Without Go, each test says what to type. */
export async function setup(): Promise<void> {
  await buildTailnet().catch((error: unknown) => process.stderr.write(`tailnet: ${String(error)}\n`));
}
