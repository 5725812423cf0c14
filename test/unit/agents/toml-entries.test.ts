import { stringify } from "smol-toml";
import { describe, expect, test } from "vitest";
import type { EntryDocument } from "../../../src/agents/entry-text.ts";
import { readEntryDocument } from "../../../src/agents/entry-text.ts";
import { fc } from "../../fakes/drawn.ts";

const dialect = { format: "toml", holderKey: "mcp_servers" } as const;
const value = { command: "tsmcp", args: ["bridge", "https://n.t.ts.net/mcp"], startup_timeout_sec: 30 };

function read(text: string): EntryDocument {
  const result = readEntryDocument(text, dialect);
  if (result.status === "invalid") throw new Error(JSON.stringify(result.defects));
  return result.document;
}

describe("an entry of a TOML file", () => {
  test.each([
    ["nothing", ""],
    ["no line break at the end", 'model = "x"'],
    ["CRLF", 'model = "x"\r\n[mcp_servers.a]\r\ncommand = "a"\r\n'],
    ["comments everywhere", '# top\nmodel = "x" # why\n\n[mcp_servers.a] # a\ncommand = "a" # b\n# end\n'],
    ["dotted keys", 'mcp_servers.a.command = "a"\nz = 1\n'],
    ["an inline table", 'mcp_servers = { a = { command = "a" } } # one line\nd = 1979-05-27T07:32:00Z\n'],
    ["other inline tables behind its own", "mcp_servers = {}\nother = { x = { y = 1 } }\n"],
    ["an empty inline table", "mcp_servers = {}\n[tui]\nx = 1\n"],
    ["inline entries in a table", '[mcp_servers]\na = { command = "a", env = { B = "}" } }\n\n[tui]\nx = 1\n'],
    ["an array of tables at the end", '[[projects]]\npath = "/a"\n[[projects]]\npath = "/b"\n'],
    [
      "what only looks like a table",
      'text = """\n[mcp_servers.notes]\ncommand = "x"\n"""\nbig = 9223372036854775807\n',
    ],
    ["numbers that are not finite", "a = nan\nb = -inf\nc = 1e3\n"],
  ])("goes in and out again without a trace when the file has %s", (_title, text) => {
    const first = read(text).add({ name: "notes", value });
    expect(first.text).toMatchSnapshot();
    const second = read(first.text).add({ name: "wiki & more", value });
    expect(read(second.text).entries.get("wiki & more")).toEqual(value);
    expect(read(second.text).remove(second.record)).toEqual({ status: "removed", text: first.text });
    expect(read(first.text).remove(first.record)).toEqual({ status: "removed", text });
  });

  test("goes out alone when another was written behind it, and comments of that one stay", () => {
    const ours = read('model = "x"\n').add({ name: "notes", value });
    const text = `${ours.text}\n# mine\n[mcp_servers.mine]\ncommand = "m"\n`.replace("command = ", "command  = ");
    expect(read(text).remove(ours.record)).toEqual({
      status: "removed",
      text: 'model = "x"\n\n# mine\n[mcp_servers.mine]\ncommand = "m"\n',
    });
  });

  test("stays when somebody changed it since, and is absent when somebody took it out", () => {
    const ours = read("").add({ name: "notes", value });
    expect(read(ours.text.replace("30", "60")).remove(ours.record)).toEqual({ status: "changed" });
    expect(read(`${ours.text}[mcp_servers.notes.env]\nA = "b"\n`).remove(ours.record)).toEqual({ status: "changed" });
    expect(read("").remove(ours.record)).toEqual({ status: "absent" });
  });

  test("takes the place of the one it mends, and gives that back when it goes", () => {
    const text =
      '[mcp_servers.a]\ncommand = "a"\n\n[mcp_servers."notes"] # ours\ncommand = "/gone"\n\n# tui\n[tui]\nx = 1\n';
    const mended = read(text).add({ name: "notes", value });
    expect(mended.text).toBe(
      '[mcp_servers.a]\ncommand = "a"\n\n[mcp_servers.notes]\ncommand = "tsmcp"\nargs = ["bridge", "https://n.t.ts.net/mcp"]\nstartup_timeout_sec = 30\n\n# tui\n[tui]\nx = 1\n',
    );
    expect(read(mended.text).remove(mended.record)).toEqual({ status: "removed", text });
  });
});

test.each([
  ["a = \n", 4, "invalid value"],
  ["mcp_servers = 1\n", 0, "mcp_servers: expected a table"],
  ["[[mcp_servers]]\na = 1\n", 0, "mcp_servers: expected a table"],
])("a file that is %j is refused with the place", (text, offset, message) => {
  expect(readEntryDocument(text, dialect)).toEqual({ status: "invalid", defects: [{ offset, message }] });
});

test("any TOML file comes back byte for byte when entries went in and out in turn", () => {
  const leaf = fc.oneof(fc.string({ unit: "grapheme" }), fc.integer(), fc.boolean(), fc.array(fc.integer()));
  const table = fc.dictionary(fc.string(), fc.oneof(leaf, fc.dictionary(fc.string(), leaf, { maxKeys: 3 })), {
    maxKeys: 4,
  });
  const file = fc.record({ rest: table, servers: fc.option(fc.dictionary(fc.string(), table, { maxKeys: 3 })) });
  fc.assert(
    fc.property(file, ({ rest, servers }) => {
      const text = stringify(servers === null ? rest : { ...rest, mcp_servers: servers });
      const result = readEntryDocument(text, dialect);
      fc.pre(result.status === "ok" && !result.document.entries.has("notes") && !result.document.entries.has("wiki"));
      const first = read(text).add({ name: "notes", value });
      const second = read(first.text).add({ name: "wiki", value });
      const back = read(second.text).remove(second.record);
      expect(back.status === "removed" ? read(back.text).remove(first.record) : back).toEqual({
        status: "removed",
        text,
      });
    }),
  );
});
