import { describe, expect, test } from "vitest";
import { addEntry, type EntryRecord, type EntryText, readEntries, removeEntry } from "../../../src/agents/merge.ts";
import { fc } from "../../fakes/drawn.ts";

const holderKey = "mcpServers";
const entry = (url: string) => ({ command: "tsmcp", args: ["bridge", url] });

function read(text: string): EntryText {
  const result = readEntries(text, holderKey);
  if (result.status === "invalid") throw new Error(JSON.stringify(result.defects));
  return result.document;
}
const add = (text: string, name: string, value = entry(`https://${name}.t.ts.net`)) =>
  addEntry(read(text), { holderKey, name, value });
const remove = (text: string, record: EntryRecord) => removeEntry(read(text), { holderKey, record });

describe("an entry", () => {
  test.each([
    ["a text that is empty", ""],
    ["an empty object", "{}"],
    ["an empty object over two lines", "{\n}\n"],
    ["no other entry", '{\n  "mcpServers": {}\n}\n'],
    ["another entry", '{\n  "mcpServers": {\n    "other": { "url": "https://x" }\n  }\n}\n'],
    ["tabs and CRLF", '{\r\n\t"mcpServers": {\r\n\t\t"other": {}\r\n\t}\r\n}'],
    ["four blanks", '{\n    "x": 1,\n    "mcpServers": {\n    }\n}'],
    ["one line", '{"mcpServers":{"other":{"url":"https://x"}},"z":1}'],
    ["one line with blanks", '{ "mcpServers": { "other": {} }, "z": 1 }'],
    ["one line and none", '{"mcpServers":{}}'],
    ["no mcpServers", '{\n  "inputs": []\n}'],
    ["comments", '{\n  // ours\n  "mcpServers": {\n    "other": {} // the other\n    /* end */\n  }\n}\n'],
    ["only a comment", '{\n  "mcpServers": {\n    // none yet\n  }\n}\n'],
    ["a comment on the only line", '{"mcpServers": {"a": 1 // one\n}}'],
    ["a trailing comma", '{\n  "mcpServers": {\n    "other": {}, // last\n  },\n}\n'],
    [
      "keys of all kinds",
      '{"__proto__": {"a": 1}, "mcpServers": {"__proto__": 1, "constructor": 2, "": 3, "a\\"b\\n": 4}}',
    ],
  ])("goes in and out again without a trace when the file has %s", (_title, text) => {
    const first = add(text, "notes");
    const second = add(first.text, "wiki");
    expect(first.text).toMatchSnapshot();
    expect(read(second.text).entries.get("notes")).toEqual(expect.objectContaining(entry("https://notes.t.ts.net")));
    expect([...read(second.text).entries.keys()]).toEqual([...read(text).entries.keys(), "notes", "wiki"]);
    const back = remove(second.text, second.record);
    expect(back).toEqual({ status: "removed", text: first.text });
    expect(remove(first.text, first.record)).toEqual({ status: "removed", text });
  });

  test("goes out alone when another was added behind it since", () => {
    const ours = add("", "notes");
    const both = add(ours.text, "mine");
    expect(remove(both.text, ours.record)).toEqual({
      status: "removed",
      text: '{\n  "mcpServers": {\n    "mine": {\n      "command": "tsmcp",\n      "args": ["bridge", "https://mine.t.ts.net"]\n    }\n  }\n}\n',
    });
  });

  test("goes out alone when another was added before it since", () => {
    const ours = add('{"mcpServers":{}}', "notes");
    const text = ours.text.replace('{"notes"', '{"mine":{},"notes"');
    expect(remove(text, ours.record)).toEqual({ status: "removed", text: '{"mcpServers":{"mine":{}}}' });
  });

  test("goes out when the file was formatted anew since", () => {
    const ours = add('{"mcpServers":{"a":{}}}', "notes");
    const text = JSON.stringify(JSON.parse(ours.text), null, 4);
    expect(remove(text, ours.record)).toEqual({
      status: "removed",
      text: '{\n    "mcpServers": {\n        "a": {}\n    }\n}',
    });
  });

  test("takes the object it made with it when that was formatted anew since", () => {
    const ours = add('{"a":1}', "notes");
    const text = JSON.stringify(JSON.parse(ours.text), null, 4);
    expect(remove(text, ours.record)).toEqual({ status: "removed", text: '{\n    "a": 1\n}' });
  });

  test("stays when somebody changed it since", () => {
    const ours = add("{}", "notes");
    expect(remove(ours.text.replace("tsmcp", "other"), ours.record)).toEqual({ status: "changed" });
  });

  test("is absent when somebody took it out since", () => {
    expect(remove("{}", add("{}", "notes").record)).toEqual({ status: "absent" });
  });

  test("gives back the one it mended when it goes out", () => {
    const text = '{"mcpServers": {"notes": {"command": "tsmcp",  "args": []}, "z": 1}}';
    const mended = add(text, "notes");
    expect(mended.text).toBe(
      '{"mcpServers": {"notes": { "command": "tsmcp", "args": ["bridge", "https://notes.t.ts.net"] }, "z": 1}}',
    );
    expect(remove(mended.text, mended.record)).toEqual({ status: "removed", text });
  });
});

describe("readEntries", () => {
  test.each([
    ["nope", "expected a value"],
    ["[]", "expected an object, found an array"],
    ["null", "expected an object, found null"],
    ['{"mcpServers": []}', "mcpServers: expected an object, found an array"],
    ['{"mcpServers": "x"}', "mcpServers: expected an object, found a string"],
    ['{"mcpServers": {}, "mcpServers": {}}', 'the key "mcpServers" stands twice'],
    ['{"mcpServers": {"a": 1, "a": 2}}', 'the key "a" stands twice'],
    ['{"a": 1', "expected a closing brace"],
    ["// nothing", "expected a value"],
  ])("refuses %s", (text, message) => {
    const result = readEntries(text, holderKey);
    expect(result.status === "invalid" ? result.defects[0]?.message : result.status).toBe(message);
  });
});

test.each([
  '{\n  "mcpServers": {\n    "other": { "command": "x" },\n  }\n}\n',
  '{ "mcpServers": { "other": {}, /* a, b */ } }',
  '{\n  "mcpServers": {\n    "other": {}, // last, so far\n  }\n}\n',
  '{\n  "rest": 1,\n}\n',
])("a file whose only trailing comma is where the entry goes comes back byte for byte: %j", (text) => {
  const first = add(text, "notes");
  expect(remove(first.text, first.record)).toEqual({ status: "removed", text });
});

test("a trailing comma that nobody wrote is not left behind when another entry was put before ours", () => {
  const first = add('{\n  "mcpServers": {}\n}\n', "notes");
  const moved = first.text.replace('"notes"', '"other": {},\n    "notes"');
  const back = remove(moved, first.record);
  expect(back.status === "removed" && JSON.parse(back.text)).toEqual({ mcpServers: { other: {} } });
});

describe("any file", () => {
  const layout = fc.constantFrom<(value: unknown) => string>(
    (value) => JSON.stringify(value),
    (value) => JSON.stringify(value, null, 2),
    (value) => `${JSON.stringify(value, null, "\t")}\n`,
    (value) => `${JSON.stringify(value, null, 4).replaceAll("\n", "\r\n")}\r\n`,
    (value) => `// top\n${JSON.stringify(value, null, 1).replaceAll("\n", " /* c */ \n")}// end`,
    (value) => JSON.stringify(value, null, 2).replaceAll(",\n", ", // why\n").replaceAll("{\n", "{ // so\n"),
  );
  const file = fc
    .tuple(
      fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 }),
      fc.option(fc.dictionary(fc.string(), fc.jsonValue(), { maxKeys: 3 })),
      layout,
    )
    .map(([rest, servers, write]) => write(servers === null ? { ...rest } : { ...rest, mcpServers: servers }))
    .filter((text) => {
      const result = readEntries(text, holderKey);
      return result.status === "ok" && !result.document.entries.has("notes") && !result.document.entries.has("wiki");
    });

  test("comes back byte for byte when entries went in and out in turn", () => {
    fc.assert(
      fc.property(file, (text) => {
        const first = add(text, "notes");
        const second = add(first.text, "wiki");
        const back = remove(second.text, second.record);
        expect(back.status === "removed" ? remove(back.text, first.record) : back).toEqual({ status: "removed", text });
      }),
    );
  });

  test("keeps everything else when the first entry goes and the second stays", () => {
    fc.assert(
      fc.property(file, (text) => {
        const first = add(text, "notes");
        const second = add(first.text, "wiki");
        const back = remove(second.text, first.record);
        expect(back.status).toBe("removed");
        if (back.status !== "removed") return;
        const kept = [...read(second.text).entries].filter(([name]) => name !== "notes");
        expect([...read(back.text).entries]).toEqual(kept);
      }),
    );
  });
});
