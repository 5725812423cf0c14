package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// sweepMark is the variable that processes of a test carry; its value is the run directory.
const sweepMark = "TAILNET_SWEEP"

// Sweeper finds the processes that belong to this tailnet and outlived their test.
type Sweeper struct {
	runDir string
	ports  []int // of the coordination server and the relay

	mu     sync.Mutex
	claims []string
}

// Process is one that the sweep found, and the rule that says it is ours.
type Process struct {
	PID  int      `json:"pid"`
	Argv []string `json:"argv"`
	Why  string   `json:"why"`
}

// claim makes every tailscaled whose arguments or environment name path ours.
func (s *Sweeper) claim(path string) error {
	if !filepath.IsAbs(path) || strings.Count(filepath.Clean(path), "/") < 2 {
		return errors.New("want an absolute path, at least two folders deep")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims = append(s.claims, filepath.Clean(path))
	return nil
}

// find lists what is ours now, by rules that no stranger's process can meet.
// The folder's name is random, so what names it was told of it; but a person's
// shell and editor may have been told too, hence the conditions:
//   - our mark in its environment, or its home below our folder;
//   - our folder in its arguments, and no terminal;
//   - a tailscaled (by its executable, not its name) that names our folder or
//     a claimed one anywhere, or that is connected to our servers.
func (s *Sweeper) find() []Process {
	inodes := s.connections()
	out := []Process{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || pid == os.Getppid() {
			continue
		}
		if why := s.why(pid, inodes); why != "" {
			out = append(out, Process{PID: pid, Argv: fields(pid, "cmdline"), Why: why})
		}
	}
	return out
}

// sweep kills what find lists, and what appears meanwhile, and returns it.
func (s *Sweeper) sweep() []Process {
	swept := []Process{}
	for range 50 { // a process that forks as fast as this is not ours to stop
		found := s.find()
		if len(found) == 0 {
			break
		}
		for _, p := range found {
			if s.kill(p) && !slices.ContainsFunc(swept, func(q Process) bool { return q.PID == p.PID }) {
				swept = append(swept, p)
			}
		}
	}
	return swept
}

// kill takes a handle first (a pidfd) and looks again, so that a process id
// that was used anew in between is not hit.
func (s *Sweeper) kill(p Process) bool {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return false
	}
	defer handle.Release()
	if s.why(p.PID, s.connections()) == "" {
		return false
	}
	return handle.Kill() == nil
}

func (s *Sweeper) why(pid int, inodes map[string]bool) string {
	stat := stat(pid)
	if len(stat) < 5 || stat[0] == "Z" {
		return ""
	}
	environment, arguments := fields(pid, "environ"), fields(pid, "cmdline")
	isHome := func(variable string) bool { return strings.HasPrefix(variable, "HOME=") && names(variable, s.runDir) }
	hasTerminal := stat[4] != "0"
	switch {
	case slices.Contains(environment, sweepMark+"="+s.runDir):
		return "mark"
	case slices.ContainsFunc(environment, isHome):
		return "home"
	case !hasTerminal && namesAny(arguments, []string{s.runDir}):
		return "folder"
	case !isTailscaled(pid):
		return ""
	}
	s.mu.Lock()
	folders := append([]string{s.runDir}, s.claims...)
	s.mu.Unlock()
	cwd, _ := os.Readlink(procPath(pid, "cwd"))
	if namesAny(slices.Concat(environment, arguments, []string{cwd}), folders) {
		return "folder"
	}
	if holds(pid, inodes) {
		return "connection"
	}
	return ""
}

func isTailscaled(pid int) bool {
	exe, err := os.Readlink(procPath(pid, "exe"))
	return err == nil && filepath.Base(strings.TrimSuffix(exe, " (deleted)")) == "tailscaled"
}

func namesAny(texts, folders []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(folders, func(folder string) bool { return names(text, folder) })
	})
}

// names reports whether text mentions folder itself or something below it.
func names(text, folder string) bool {
	for rest := text; ; {
		at := strings.Index(rest, folder)
		if at < 0 {
			return false
		}
		rest = rest[at+len(folder):]
		if rest == "" || strings.ContainsRune("/:, \"'", rune(rest[0])) {
			return true
		}
	}
}

// connections returns the sockets whose other end is one of our ports.
func (s *Sweeper) connections() map[string]bool {
	out := map[string]bool{}
	table, _ := os.ReadFile("/proc/net/tcp")
	for line := range bytes.Lines(table) {
		// sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode (proc(5))
		f := strings.Fields(string(line))
		if len(f) < 10 {
			continue
		}
		_, hex, ok := strings.Cut(f[2], ":")
		port, err := strconv.ParseInt(hex, 16, 32)
		if ok && err == nil && f[9] != "0" && slices.Contains(s.ports, int(port)) {
			out["socket:["+f[9]+"]"] = true
		}
	}
	return out
}

func holds(pid int, inodes map[string]bool) bool {
	files, _ := os.ReadDir(procPath(pid, "fd"))
	for _, f := range files {
		if target, err := os.Readlink(procPath(pid, "fd/"+f.Name())); err == nil && inodes[target] {
			return true
		}
	}
	return false
}

// stat returns the fields of /proc/PID/stat after the command, which may itself
// contain anything: state, parent, group, session, terminal (proc(5)).
func stat(pid int) []string {
	line, _ := os.ReadFile(procPath(pid, "stat"))
	return strings.Fields(string(line[bytes.LastIndexByte(line, ')')+1:]))
}

func fields(pid int, file string) []string {
	b, _ := os.ReadFile(procPath(pid, file))
	return strings.Split(strings.TrimSuffix(string(b), "\x00"), "\x00")
}

func procPath(pid int, file string) string { return "/proc/" + strconv.Itoa(pid) + "/" + file }
