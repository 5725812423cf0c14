import { Ajv } from "ajv";
import standalone from "ajv/dist/standalone/index.js";

/**
 * Returns the source of an ES module that exports the schema's ajv validator by the name `validate`.
 * Runs while building only; what it writes has no import left. Throws ajv's error when the schema is invalid.
 */
export function compileStandalone(schema: object): string {
  const ajv = new Ajv({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    verbose: false,
    code: { source: true, esm: true, lines: false },
  });
  const source = standalone.default(ajv, ajv.compile(schema)).replaceAll("export default ", "const unused = ");
  const required = /require\("([^"]+)"\)/.exec(source);
  if (required !== null) throw new Error(`the schema needs ${required[1]} at run time; it must compile to plain code`);
  return source;
}
