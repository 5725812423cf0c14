export { type ErrorCode, TsmcpError } from "./core/errors.ts";
export { version } from "./core/version.ts";
export { type Exposure, type ExposureOptions, exposure, type Listener } from "./gateway/exposure/exposure.ts";
export type { FilteredServer } from "./gateway/exposure/filter.ts";
export type { PublicSeen, Refusal, Seen, TailnetSeen } from "./gateway/exposure/seen.ts";
