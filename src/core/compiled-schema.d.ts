/** A schema compiled to its validator while building (scripts/build/schema-validator.ts). */
declare module "*.schema.json?validator" {
  import type { Validator } from "./validation.ts";
  export const validate: Validator;
}
