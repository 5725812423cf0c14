import { STATUS_CODES } from "node:http";

/** Returns the words that belong to a status; for one without, those of Go's net/http. */
export function statusText(status: number): string {
  return STATUS_CODES[status] ?? `status code ${status}`;
}
