import { vscode } from "../agents/vscode.ts";
import type { InitOutput, InitWords } from "./output.ts";
import { upArguments } from "./template.ts";

/**
 * A dev container (https://containers.dev/implementors/json_reference): commands stand by name, so that others stay beside
 * ours. `postCreateCommand` may be kept in a prebuild, `postStartCommand` runs on every start.
 */
export function codespacesOutputs(words: InitWords): readonly InitOutput[] {
  return [
    {
      kind: "settings",
      path: ".devcontainer/devcontainer.json",
      settings: [
        { path: ["image"], value: "mcr.microsoft.com/devcontainers/javascript-node:22", mode: "default" },
        {
          path: ["secrets", "TS_AUTHKEY"],
          value: { description: "A reusable, ephemeral and tagged key of the tailnet" },
          mode: "default",
        },
        { path: ["postCreateCommand", "tsmcp"], value: "npm install --global tsmcp && tsmcp install", mode: "set" },
        { path: ["postStartCommand", "tsmcp"], value: `tsmcp up ${upArguments(words)} --agent vscode`, mode: "set" },
      ],
    },
    { kind: "entries", dialect: vscode },
  ];
}
