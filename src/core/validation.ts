import { nearest } from "./nearest.ts";

/** One complaint of a compiled validator, in ajv's form. */
export interface SchemaError {
  readonly instancePath: string;
  readonly keyword: string;
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
  /** Set where a rule of `propertyNames` failed, for the name that broke it. */
  readonly propertyName?: string;
}

/** A validator as `schema.ts` compiles it: true when the value fits, else `errors` tells why. */
export interface Validator {
  (value: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** One defect of a document: where (`servers.notes.tailnetUrl`) and what was expected there. */
export interface Defect {
  readonly path: string;
  readonly message: string;
}

/** Returns every defect of `value`, in document order, without duplicates; empty when it is valid. */
export function defectsOf(validate: Validator, value: unknown): Defect[] {
  if (validate(value)) return [];
  const defects = (validate.errors ?? []).filter(isOwnError).map(toDefect);
  return defects.filter(
    (defect, index) =>
      defects.findIndex((other) => other.path === defect.path && other.message === defect.message) === index,
  );
}

/** `if` and the rules of `propertyNames` are told by another error, which names the place. */
function isOwnError(error: SchemaError): boolean {
  return error.keyword !== "if" && error.propertyName === undefined;
}

function toDefect(error: SchemaError): Defect {
  const path = toPath(error.instancePath);
  const { params } = error;
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(params.additionalProperty);
      return { path: path === "" ? name : `${path}.${name}`, message: "unknown key" };
    }
    case "propertyNames": {
      const name = String(params.propertyName);
      return { path: path === "" ? name : `${path}.${name}`, message: "not a name that is allowed here" };
    }
    case "pattern":
      return { path, message: `expected text that matches ${String(params.pattern)}` };
    case "required":
      return { path, message: `the key ${quote(params.missingProperty)} is missing` };
    case "type":
      return { path, message: `expected ${[params.type].flat().join(" or ")}` };
    case "enum":
      return { path, message: `expected one of ${[params.allowedValues].flat().map(quote).join(", ")}` };
    case "const":
      return { path, message: `expected ${quote(params.allowedValue)}` };
    default:
      return { path, message: error.message ?? `fails the rule ${quote(error.keyword)}` };
  }
}

function toPath(pointer: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");
}

function quote(value: unknown): string {
  return JSON.stringify(value);
}

/** Returns ` (did you mean "x"?)` when a known key lies near the unknown one, else an empty string. */
export function suggestKey(unknownKey: string, known: readonly string[]): string {
  const match = nearest(unknownKey, known);
  return match === undefined ? "" : ` (did you mean ${quote(match)}?)`;
}
