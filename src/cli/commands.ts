import type { Command } from "commander";
import type { Session } from "./command.ts";
import { bridgeCommand } from "./commands/bridge.ts";
import { callCommand } from "./commands/call.ts";
import { configCommand } from "./commands/config.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { downCommand } from "./commands/down.ts";
import { envCommand } from "./commands/env.ts";
import { exposeCommand } from "./commands/expose.ts";
import { gatewayCommand } from "./commands/gateway.ts";
import { initCommand } from "./commands/init.ts";
import { installCommand } from "./commands/install.ts";
import { runCommand } from "./commands/run.ts";
import { sandboxCommand } from "./commands/sandbox.ts";
import { statusCommand } from "./commands/status.ts";
import { toolsCommand } from "./commands/tools.ts";
import { upCommand } from "./commands/up.ts";

/** Returns every command, in the order of the help page. */
export function allCommands(session: Session): Command[] {
  return [
    installCommand(session),
    upCommand(session),
    downCommand(session),
    statusCommand(session),
    envCommand(session),
    runCommand(session),
    doctorCommand(session),
    bridgeCommand(session),
    toolsCommand(session),
    callCommand(session),
    gatewayCommand(session),
    exposeCommand(session),
    sandboxCommand(session),
    initCommand(session),
    configCommand(session),
  ];
}
