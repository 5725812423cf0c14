export { type ErrorCode, TsmcpError } from "./core/errors.ts";
export { version } from "./core/version.ts";
