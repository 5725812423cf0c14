import { captureOutput } from "../../process/capture.ts";
import { locateProgram } from "../../tailscale/locate.ts";
import { machineCheck, type Outcome } from "../check.ts";

/** Which of Python's modules are there. */
export type PythonFinding =
  | { readonly kind: "no-socks" }
  | { readonly kind: "no-python"; readonly variable: string }
  | { readonly kind: "asked"; readonly variable: string; readonly python: string; readonly modules: readonly string[] };

const askTimeoutMs = 4_000;
const modules = ["pip", "requests", "httpx", "socks", "socksio"] as const;
const question = `import importlib.util as u;print(*[m for m in ${JSON.stringify(modules)} if u.find_spec(m)])`;

export const proxyPython = machineCheck<PythonFinding>({
  id: "proxy.python",
  group: "proxy",
  title: "Python programs can use the exported proxy",
  needs: [],
  timeoutMs: 6_000,
  source: "https://requests.readthedocs.io/en/latest/user/advanced/#socks",
  explain: {
    proves:
      "Where ALL_PROXY names a SOCKS proxy, Python has the module that pip, requests and httpx need for it. Without it they fail on every request, of the internet too.",
    breaks: "ALL_PROXY=socks5h://… and a Python without PySocks (pip, requests) or socksio (httpx).",
    mend: "Install them before the variable is set: pip install PySocks socksio; or unset ALL_PROXY and keep HTTPS_PROXY.",
  },
  async gather({ world }, signal) {
    const variable = ["ALL_PROXY", "all_proxy"].find((name) => /^socks/i.test(world.env[name] ?? ""));
    if (variable === undefined) return { kind: "no-socks" };
    const python = locateProgram("python3", world.env);
    if (python === undefined) return { kind: "no-python", variable };
    // Isolated, so that nothing of the working directory or of PYTHON* variables is run.
    const told = await captureOutput([python, "-I", "-c", question], {
      env: { PATH: world.env.PATH },
      timeoutMs: askTimeoutMs,
      signal,
    });
    if (told.kind === "failed") return { kind: "no-python", variable };
    return { kind: "asked", variable, python, modules: told.stdout.split(/\s+/).filter((name) => name !== "") };
  },
  judge: judgePython,
});

export function judgePython(found: PythonFinding): Outcome {
  if (found.kind === "no-socks") return { status: "skip", message: "no SOCKS proxy is exported" };
  if (found.kind === "no-python") return { status: "skip", message: "no Python here to fall into the trap" };
  const { variable, python, modules: present } = found;
  const has = (name: string): boolean => present.includes(name);
  const trapped = [
    ...(has("socks") ? [] : ["pip", "requests"].filter(has)),
    ...(has("socksio") ? [] : ["httpx"].filter(has)),
  ];
  const facts = { variable, python, modules: [...present], trapped };
  if (trapped.length === 0) return { status: "pass", message: `${python} can use ${variable}`, facts };
  const wanted = [...(has("socks") ? [] : ["PySocks"]), ...(trapped.includes("httpx") ? ["socksio"] : [])].join(" ");
  return {
    status: "warn",
    message: `${variable} names a SOCKS proxy, and ${trapped.join(" and ")} of ${python} ${trapped.length === 1 ? "fails" : "fail"} on every request with it`,
    facts,
    reproduce: `${python} -c 'import socks'`,
    hint: `install what is missing (env -u ALL_PROXY -u all_proxy pip install ${wanted}), or unset ${variable}`,
  };
}
