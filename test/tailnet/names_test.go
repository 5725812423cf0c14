package main

import "testing"

func TestFirstFree(t *testing.T) {
	taken := map[string]bool{"web": true, "web-1": true}
	for base, want := range map[string]string{"web": "web-2", "db": "db", "web-1": "web-1-1"} {
		if got := firstFree(base, taken); got != want {
			t.Errorf("firstFree(%q) = %q, want %q", base, got, want)
		}
	}
}

func TestStillNamedAfter(t *testing.T) {
	for _, c := range []struct {
		name, hostname string
		want           bool
	}{
		{"web", "web", true},
		{"web-12", "web", true},
		{"web-server", "web", false},
		{"web", "web-server", false},
		{"my-mac", "My Mac", true},
	} {
		if got := stillNamedAfter(c.name, c.hostname); got != c.want {
			t.Errorf("stillNamedAfter(%q, %q) = %v", c.name, c.hostname, got)
		}
	}
}

func TestAddressesDiffer(t *testing.T) {
	if a, b := address(1).String(), address(256).String(); a != "100.64.0.1" || b != "100.64.1.0" {
		t.Errorf("address(1), address(256) = %s, %s", a, b)
	}
}
