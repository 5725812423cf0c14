import { cursor } from "../agents/cursor.ts";
import type { InitOutput, InitWords } from "./output.ts";
import { fillTemplate, upArguments } from "./template.ts";

/**
 * What a cloud agent of Cursor needs (https://cursor.com/docs/cloud-agent/setup): `install` is kept in a snapshot and loses
 * its processes, `start` runs on every boot.
 */
export function cursorOutputs(words: InitWords): readonly InitOutput[] {
  return [
    {
      kind: "settings",
      path: ".cursor/environment.json",
      settings: [
        { path: ["install"], value: "npm install --global tsmcp && tsmcp install", mode: "set" },
        { path: ["start"], value: `tsmcp up ${upArguments(words)} --agent cursor`, mode: "set" },
      ],
    },
    { kind: "entries", dialect: cursor },
    { kind: "section", path: "AGENTS.md", text: fillTemplate("agents-section.md", words) },
  ];
}
