import { TsmcpError } from "../../core/errors.ts";
import type { Programs } from "../../tailscale/locate.ts";
import type { UpFacts } from "../facts.ts";
import { type Applied, act, type Decision, done, keep } from "../steps.ts";

/** Returns what the step that gets tailscale's programs comes to. */
export function decideInstall({ programs }: UpFacts): Decision {
  return programs.kind === "found"
    ? keep(programs.tailscaled)
    : act(`${programs.names.join(" and ")} ${programs.names.length === 1 ? "is" : "are"} not installed`);
}

/** Throws `tailscale-missing`: getting the programs is left to the user. */
export async function applyInstall(facts: UpFacts): Promise<Applied> {
  return done(facts, requirePrograms(facts.programs).tailscaled);
}

/** Throws `tailscale-missing`, which says how to get what is missing. */
export function requirePrograms(programs: Programs): Extract<Programs, { kind: "found" }> {
  if (programs.kind === "found") return programs;
  const [refused] = programs.refused;
  if (refused !== undefined) {
    throw new TsmcpError({
      code: "tailscale-missing",
      message: `${JSON.stringify(refused)} comes with a repository or a package, and would be handed the key`,
      hint: "put tailscale and tailscaled into a directory of PATH outside, or run this outside the repository",
      facts: { missing: programs.names, refused: programs.refused },
    });
  }
  throw new TsmcpError({
    code: "tailscale-missing",
    message: `${programs.names.join(" and ")} ${programs.names.length === 1 ? "is" : "are"} not on PATH`,
    hint:
      "get both from https://pkgs.tailscale.com/stable/#static and put them on PATH, use the system's package manager, " +
      'or run "go install tailscale.com/cmd/tailscale@latest tailscale.com/cmd/tailscaled@latest"',
    facts: { missing: programs.names },
  });
}
