/**
 * Returns `gather` in a form that runs once for each context, so that several checks can stand on the same facts: the
 * tailnet's tool list is asked for once, whichever check comes first. It is bounded by the context, not by the check
 * that happened to ask.
 */
export function observation<Context extends object, Found>(
  gather: (context: Context) => Promise<Found>,
): (context: Context) => Promise<Found> {
  const found = new WeakMap<Context, Promise<Found>>();
  return (context) => {
    const known = found.get(context);
    if (known !== undefined) return known;
    const asked = gather(context);
    found.set(context, asked);
    return asked;
  };
}
