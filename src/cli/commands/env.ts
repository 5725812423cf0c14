import { type Command, Option } from "commander";
import { type ExportShell, exportShells } from "../../bootstrap/exports/export-shells.ts";
import { createCommand, type Session } from "../command.ts";

export function envCommand(session: Session): Command {
  return createCommand<{ shell: ExportShell }>({
    session,
    name: "env",
    summary: "print exports that send programs through the tailnet",
    description:
      "Prints the variables that make programs use the proxy of the tailnet: ALL_PROXY, HTTP_PROXY, HTTPS_PROXY,\n" +
      "NO_PROXY, in both cases, and TSMCP_PROXY. Prints nothing, with exit code 1, when the proxy does not answer.\n" +
      "Python's requests fails on ALL_PROXY without its socks extra; git over ssh reads none of them;\n" +
      "in a container of this machine (Docker) 127.0.0.1 is the container, so pass them only with --network host.",
    examples: ['eval "$(tsmcp env)"', "tsmcp env --shell fish | source", 'tsmcp env --shell github >> "$GITHUB_ENV"'],
    options: [new Option("--shell <shell>", "what is to read them").choices(exportShells).default("sh")],
    run: async (context, { shell }) => {
      const [{ requireLiveProxy }, { renderExports }, { proxyVariables }] = await Promise.all([
        import("../../bootstrap/exports/live-proxy.ts"),
        import("../../bootstrap/exports/render.ts"),
        import("../../bootstrap/exports/variables.ts"),
      ]);
      const proxy = await requireLiveProxy({ socket: context.socket }, context);
      const variables = proxyVariables(proxy, context.env);
      context.result(Object.fromEntries(variables), renderExports(variables, shell));
      return 0;
    },
  });
}
