import type { RpcError } from "../mcp/message.ts";

/** A request that ends with an error that is already in the agent's words. */
export class Refused extends Error {
  readonly rpc: RpcError;

  constructor(rpc: RpcError) {
    super(rpc.message);
    this.name = "Refused";
    this.rpc = rpc;
  }
}
