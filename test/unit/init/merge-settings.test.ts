import { describe, expect, test } from "vitest";
import { dataOf, parseJsonc } from "../../../src/config/jsonc.ts";
import { mergeSettings } from "../../../src/init/merge-settings.ts";
import type { Setting } from "../../../src/init/output.ts";
import { fc } from "../../fakes/drawn.ts";

const start: Setting = { path: ["start"], value: "tsmcp up", mode: "set" };
const image: Setting = { path: ["image"], value: "node:22", mode: "default" };
const nested: Setting = { path: ["postStart", "tsmcp"], value: "tsmcp up", mode: "set" };
const hook: Setting = { path: ["hooks", "SessionStart"], value: { hooks: [{ command: "ours" }] }, mode: "append" };

const merge = (text: string, settings: readonly Setting[], force = false): string => {
  const merged = mergeSettings(text, settings, force);
  if (merged.status !== "ok") throw new Error(JSON.stringify(merged));
  return merged.text;
};

describe("mergeSettings", () => {
  test.each<[string, string, readonly Setting[], string]>([
    ["an empty text", "", [start], '{\n  "start": "tsmcp up"\n}\n'],
    [
      "comments and tabs",
      '{\n\t// why\n\t"install": "npm ci", // so\n\t"z": [1, 2]\n}\n',
      [start],
      '{\n\t// why\n\t"install": "npm ci", // so\n\t"z": [1, 2],\n\t"start": "tsmcp up"\n}\n',
    ],
    ["a default that is there", '{ "image": "mine" }', [image], '{ "image": "mine" }'],
    ["the same value", '{"start":"tsmcp up"}', [start], '{"start":"tsmcp up"}'],
    ["a command that runs ours too", '{"start":"make && tsmcp up"}', [start], '{"start":"make && tsmcp up"}'],
    [
      "an object with others",
      '{\n  "postStart": {\n    "mine": "x"\n  }\n}\n',
      [nested],
      '{\n  "postStart": {\n    "mine": "x",\n    "tsmcp": "tsmcp up"\n  }\n}\n',
    ],
  ])("puts single settings in and leaves the rest when the file has %s", (_title, text, settings, expected) => {
    expect(merge(text, settings)).toBe(expected);
    expect(merge(expected, settings)).toBe(expected);
  });

  test("appends to a list that holds others, once", () => {
    const text = '{\n  "hooks": {\n    // mine\n    "SessionStart": [{ "hooks": [{ "command": "mine" }] }]\n  }\n}\n';
    const once = merge(text, [hook]);
    expect(once).toContain(
      '    // mine\n    "SessionStart": [{ "hooks": [{ "command": "mine" }] }, { "hooks": [{ "command": "ours" }] }]',
    );
    expect(JSON.parse(once.replace("// mine", "")).hooks.SessionStart).toEqual([
      { hooks: [{ command: "mine" }] },
      { hooks: [{ command: "ours" }] },
    ]);
    expect(merge(once, [hook])).toBe(once);
    expect(JSON.parse(merge("{}", [hook])).hooks.SessionStart).toEqual([{ hooks: [{ command: "ours" }] }]);
  });

  test.each<[string, Setting]>([
    ['{"start":"npm start"}', start],
    ['{"postStart":"one command"}', nested],
    ['{"hooks":{"SessionStart":{}}}', hook],
  ])("tells whose place is taken when %s is there", (text, setting) => {
    expect(mergeSettings(text, [image, setting], false)).toEqual({ status: "taken", setting });
  });

  test("replaces a value when it is forced to, and nothing beside it", () => {
    expect(merge('{"start":"npm start","a":1}', [start], true)).toBe('{"start":"tsmcp up","a":1}');
  });

  test.each(["[]", "nope", '{"a":1'])("refuses %s", (text) => {
    expect(mergeSettings(text, [start], false).status).toBe("invalid");
  });
});

test("any file keeps every comment and every other value", () => {
  const layout = fc.constantFrom<(value: unknown) => string>(
    (value) => JSON.stringify(value),
    (value) => JSON.stringify(value, null, 2),
    (value) => `${JSON.stringify(value, null, "\t")}\n`,
    (value) => `${JSON.stringify(value, null, 4).replaceAll("\n", "\r\n")}\r\n`,
    (value) => `// top\n${JSON.stringify(value, null, 1).replaceAll("\n", " /* c */ \n")}// end`,
    (value) => JSON.stringify(value, null, 2).replaceAll(",\n", ", // why\n").replaceAll("{\n", "{ // so\n"),
  );
  const hooks = fc.record({ SessionStart: fc.array(fc.jsonValue()), Stop: fc.jsonValue() }, { requiredKeys: [] });
  const file = fc
    .tuple(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }), fc.option(hooks), layout)
    .map(([rest, own, write]) => write(own === null ? rest : { ...rest, hooks: own }));
  const commentsOf = (text: string): number => text.split(/\/\/ (?:top|end|why|so)|\/\* c \*\//).length;
  fc.assert(
    fc.property(file, (text) => {
      const before = parseJsonc(text);
      fc.pre(before.status === "ok");
      const merged = mergeSettings(text, [start, hook], false);
      fc.pre(merged.status !== "taken");
      if (merged.status !== "ok" || before.status !== "ok") throw new Error(JSON.stringify(merged));
      expect(commentsOf(merged.text)).toBe(commentsOf(text));
      const after = parseJsonc(merged.text);
      const data = JSON.parse(JSON.stringify(after.status === "ok" ? dataOf(after.root) : null));
      expect(data).toMatchObject(
        JSON.parse(JSON.stringify(dataOf(before.root), (key, value) => (key === "SessionStart" ? undefined : value))),
      );
      expect(data.hooks.SessionStart.at(-1)).toEqual(hook.value);
      expect(mergeSettings(merged.text, [start, hook], false)).toEqual(merged);
    }),
  );
});
