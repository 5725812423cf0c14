import { closeSync, readdirSync, readFileSync } from "node:fs";

/**
 * Closes what this process's own starter left open, so that no child gets at it. Node marks those up to 15 itself, and
 * further ones only as far as there is no gap; all that Node opens has the mark. For the start of a program: what a
 * library's user holds open is not ours to close. Source: libuv `uv_disable_stdio_inheritance`, fcntl(2) FD_CLOEXEC.
 */
export function closeInheritedDescriptors(): void {
  for (const fd of descriptors()) {
    if (fd > 2 && isInheritable(fd)) closeSync(fd);
  }
}

/** O_CLOEXEC in the octal flags of proc(5) `fdinfo`. */
const closeOnExec = 0o2000000;

function descriptors(): number[] {
  try {
    return readdirSync("/proc/self/fd").map(Number);
  } catch {
    return [];
  }
}

function isInheritable(fd: number): boolean {
  try {
    const flags = /^flags:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & closeOnExec) === 0;
  } catch {
    // The directory that was read is among those named, and closed by now.
    return false;
  }
}
