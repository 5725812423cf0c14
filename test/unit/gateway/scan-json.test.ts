import { expect, test } from "vitest";
import { jsonDefect, maxJsonDepth } from "../../../src/gateway/scan-json.ts";
import { fc } from "../../fakes/drawn.ts";

const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;

test.each([
  ['{"method":"a","method":"b"}', "a key twice"],
  ['{"method":"a","\\u006dethod":"b"}', "a key twice"],
  ['{"params":{"name":"a","name":"b"}}', "a key twice"],
  ['{"params":{"arguments":{"deep":[{"a":1,"a":2}]}}}', "a key twice"],
  ['[{"id":1},{"id":1,"id":2}]', "a key twice"],
  ['{"a":"\\\\","a":1}', "a key twice"],
  ['{"a":"\\"","a":1}', "a key twice"],
  ['{"method":"a","METHOD":"b"}', "two keys that differ in case only"],
  ['{"params":{"NAME":"a","Name":"b"}}', "two keys that differ in case only"],
  ['{"params":{"clauſe":"a","CLAUSE":"b"}}', "two keys that differ in case only"],
  ['{"params":{"task":"a","tasK":"b"}}', "two keys that differ in case only"],
  ['{"__proto__":{}}', "the key __proto__"],
  ['{"params":{"arguments":{"\\u005f_proto__":{}}}}', "the key __proto__"],
  ['{"params":{"arguments":{"channel":1234567890123456789}}}', "a number that would arrive as another one"],
  ['{"n":30023997515803312}', "a number that would arrive as another one"],
  ['{"n":9223372036854775808}', "a number that would arrive as another one"],
  ['{"n":-1180591620717411303424}', "a number that would arrive as another one"],
  ['{"params":{"arguments":[-9007199254740993]}}', "a number that would arrive as another one"],
  ['{"params":{"arguments":{"limit":1e400}}}', "a number that would arrive as another one"],
  [`[${"9".repeat(100_000)}]`, "a number that would arrive as another one"],
  [nested(maxJsonDepth + 1), "too deep"],
  ["[".repeat(1_000_000), "too deep"],
])("%.60s is refused for %s", (text, defect) => {
  expect(jsonDefect(text)).toBe(defect);
});

test.each([
  ['{"a":"a","b":"a"}'],
  ['{"params":{"arguments":{"name":1,"Name":2}}}'],
  ['{"a":["a","a"],"b":{"a":1}}'],
  ['{"a":{"x":1},"b":{"x":1}}'],
  ['{"a":"{\\"a\\":1,\\"a\\":2}"}'],
  ['[["a","a"],{"a":{}}]'],
  [nested(maxJsonDepth)],
  ["[9007199254740992,-9007199254740992,9007199254740994,10000000000000000000000]"],
  ["[123456789012345680000,1.7976931348623157e308,0.1234567890123456789,-0,1E5]"],
  ["[1000000000000000000000,-1000000000000000000000,30023997515803310]"],
  ['["1234567890123456789"]'],
])("%.60s is taken", (text) => {
  expect(jsonDefect(text)).toBeUndefined();
});

test("a key that comes back after many others is found", () => {
  const keys = Array.from({ length: 1_000 }, (_, index) => `"k${index}":0`);
  expect(jsonDefect(`{${keys.join(",")}}`)).toBeUndefined();
  expect(jsonDefect(`{${keys.join(",")},"k500":1}`)).toBe("a key twice");
});

test("whatever JSON.stringify writes is taken, and a doubled key in it is found", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), (value) => {
      const arguments_ = JSON.stringify(value);
      fc.pre(!arguments_.includes("__proto__"));
      expect(jsonDefect(`{"params":{"arguments":${arguments_}}}`)).toBeUndefined();
      for (const key of Object.keys(value)) {
        const doubled = `${arguments_.slice(0, -1)},${JSON.stringify(key)}:0}`;
        expect(jsonDefect(`{"params":{"arguments":${doubled}}}`)).toBe("a key twice");
      }
    }),
  );
});

test("no text makes it throw", () => {
  fc.assert(fc.property(fc.string({ unit: "binary-ascii" }), (text) => void jsonDefect(text)));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ua0'.split("")) }), (text) => void jsonDefect(text)),
  );
});
