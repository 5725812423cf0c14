/** What can read exports: shells, and files of `NAME=value` lines. */
export const exportShells = ["sh", "fish", "json", "github", "dotenv"] as const;
export type ExportShell = (typeof exportShells)[number];
