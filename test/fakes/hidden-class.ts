import { setFlagsFromString } from "node:v8";
import { runInThisContext } from "node:vm";

/** Returns true where V8 gives two objects one hidden class, as code that is run for each request needs it. */
export function haveOneHiddenClass(one: object, other: object): boolean {
  setFlagsFromString("--allow-natives-syntax");
  try {
    const compare: (one: object, other: object) => boolean = runInThisContext(
      "(one, other) => %HaveSameMap(one, other)",
    );
    return compare(one, other);
  } finally {
    setFlagsFromString("--no-allow-natives-syntax");
  }
}
