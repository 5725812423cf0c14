import type { FlawedGate } from "./flawed.ts";
import { headerGates } from "./flawed-headers.ts";
import { messageGates } from "./flawed-messages.ts";
import { placeGates } from "./flawed-places.ts";
import { stateGates } from "./flawed-states.ts";

/** Every gate with a flaw, each of which the doctor must find. */
export const flawedGates: readonly FlawedGate[] = [...headerGates, ...messageGates, ...placeGates, ...stateGates];
