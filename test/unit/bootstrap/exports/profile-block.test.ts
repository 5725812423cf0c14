import { expect, test } from "vitest";
import { addBlock, removeBlock, scriptOfBlock } from "../../../../src/bootstrap/exports/profile-block.ts";
import { fc } from "../../../fakes/drawn.ts";

const script = "/home/it's me/.local/state/tsmcp/x/proxy.sh";

test("addBlock writes a block that sources the script when there is none", () => {
  expect(addBlock("export A=1\n", script)).toBe(`export A=1
# >>> tsmcp >>> written by "tsmcp up", removed by "tsmcp down"
if [ -r '/home/it'\\''s me/.local/state/tsmcp/x/proxy.sh' ]; then . '/home/it'\\''s me/.local/state/tsmcp/x/proxy.sh'; fi
# <<< tsmcp <<<
`);
});

test("a block comes and goes without a trace when the profile is anything at all", () => {
  fc.assert(
    fc.property(fc.option(fc.string(), { nil: undefined }), (profile) => {
      const once = addBlock(profile, script);
      expect(addBlock(once, script)).toBe(once);
      expect(scriptOfBlock(once)).toBe(script);
      expect(removeBlock(addBlock(once, "/other"))).toBe(profile);
    }),
  );
});

test("removeBlock keeps what was added behind the block since", () => {
  expect(removeBlock(`${addBlock("a", script)}b\n`)).toBe("a\nb\n");
  expect(removeBlock(`${addBlock(undefined, script)}b\n`)).toBe("b\n");
});

test("removeBlock changes nothing when the end of the block is missing", () => {
  const torn = addBlock("a\n", script).replace("# <<< tsmcp <<<", "");
  expect(removeBlock(torn)).toBe(torn);
});
