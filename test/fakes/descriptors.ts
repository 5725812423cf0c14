import { text } from "node:stream/consumers";
import { startChild } from "../../src/process/child.ts";
import { closeInheritedDescriptors } from "../../src/process/inherited.ts";

/** Tells which descriptors a child has, before and after this process closed what it inherited. */
async function ofChild(): Promise<string[]> {
  const started = await startChild({ file: "/bin/ls", args: ["/proc/self/fd"], env: {}, cwd: "/" });
  if (started.kind === "refused") throw new Error(started.reason);
  return (await text(started.child.stdout)).trim().split("\n");
}

const before = await ofChild();
closeInheritedDescriptors();
process.stdout.write(`${JSON.stringify({ before, after: await ofChild() })}\n`);
