import { accessSync, chmodSync, constants, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDirectory } from "../fakes/temporary-directory.ts";
import { startWhois } from "../fakes/whois.ts";
import { aliceAddress, initialize, usualNodes } from "../unit/gateway/front.ts";
import { configText } from "./gateway-service.ts";
import { binDir, startProgram } from "./tsmcp.ts";

/** Others have to get at the program and at the temporary folder. */
const canShare =
  process.getuid?.() === 0 && [binDir, dirname(process.execPath), process.env.TMPDIR ?? "/tmp"].every(isOpenToOthers);

function isOpenToOthers(path: string): boolean {
  accessSync(path, constants.X_OK);
  return (statSync(path).mode & 0o001) !== 0 && (path === "/" || isOpenToOthers(dirname(path)));
}

test.runIf(canShare).each(["12345", "65534"])(
  "the gateway runs as user %s, to whom no file belongs, with a root that is read-only",
  async (user) => {
    const directory = temporaryDirectory();
    const { socket } = await startWhois(usualNodes());
    for (const path of [directory, dirname(socket)]) chmodSync(path, 0o755);
    chmodSync(socket, 0o666);
    const run = join(directory, "run");
    mkdirSync(run);
    const configFile = join(directory, "c.json");
    writeFileSync(configFile, configText(run, { upstreams: { who: { builtin: "whoami" } } }), { mode: 0o644 });
    const inside = `
touch '${directory}/written' 2>/dev/null && echo 'the root can be written'
'${process.execPath}' '${join(binDir, "tsmcp")}' gateway --config '${configFile}' --socket '${socket}' >/dev/null 2>'${run}/err' &
gateway=$!
until curl -sf --unix-socket '${run}/admin' http://localhost/healthz; do kill -0 $gateway 2>&- || { cat '${run}/err'; exit 1; }; done
curl -s --unix-socket '${run}/admin' http://localhost/readyz
curl -s --unix-socket '${run}/private' -H 'x-forwarded-for: ${aliceAddress}' -H 'content-type: application/json' \\
  -d '${JSON.stringify(initialize)}' http://localhost/mcp/who
kill -TERM $gateway
wait $gateway
echo " exit $?"`;
    const outside = `
mount -t tmpfs -o mode=0777 none '${run}'
mount -o remount,bind,ro /
exec setpriv --reuid ${user} --regid ${user} --clear-groups --no-new-privs sh -c "$0"`;
    const { outcome } = startProgram("unshare", ["-m", "sh", "-ec", outside, inside], {
      workspace: "/",
      env: { PATH: process.env.PATH ?? "", HOME: "/nowhere", TSMCP_SEALING_KEY: "0123456789abcdef0123456789abcdef" },
    });
    const { stdout, stderr } = await outcome;
    expect({ stdout, stderr }).toEqual({
      stdout: expect.stringMatching(/^ok\nok\n\{"jsonrpc":"2\.0","id":1,"result":.*"tsmcp-whoami".*\} exit 0\n$/),
      stderr: "",
    });
  },
);
