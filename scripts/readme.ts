import { writeFileSync } from "node:fs";
import { generateReadme, readmePath } from "./readme/generate.ts";

writeFileSync(readmePath, generateReadme());
