export async function runBridgeCli(): Promise<void> {}
