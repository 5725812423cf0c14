import fc from "fast-check";

/** With `DRAW_SEED` the same is drawn in every run, as in the whole suite, whose verdict is to be the same for the same code. */
const given = process.env.DRAW_SEED;
if (given !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });

export { fc };
