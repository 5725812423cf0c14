import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const file = fileURLToPath(new URL("../../../src/process/small-heap.ts", import.meta.url));

/** Keeps a part of what it makes for a while, as a service under load does, and says by what the space for it grew. */
const program = `
import { getHeapSpaceStatistics } from "node:v8";
import { keepHeapSmall } from ${JSON.stringify(file)};
const size = () => getHeapSpaceStatistics().find((one) => one.space_name === "new_space").space_size;
keepHeapSmall();
const before = size();
const kept = [];
for (let count = 0; count < 1_000_000; count++) kept[count % 20_000] = { count, text: "x" + count };
console.log(size() - before);
`;

test("the space for what is new stays as large as it is, whatever is made", async () => {
  const args = ["--import", "tsx", "--input-type=module", "--eval", program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env: { PATH: process.env.PATH } });
  expect(Number(stdout)).toBeLessThanOrEqual(0);
});
