package main

import "testing"

func TestNames(t *testing.T) {
	for _, c := range []struct {
		text, folder string
		want         bool
	}{
		{"HOME=/tmp/tn-a", "/tmp/tn-a", true},
		{"--statedir=/tmp/tn-a/n1/state", "/tmp/tn-a", true},
		{"PATH=/bin:/tmp/tn-a:/usr/bin", "/tmp/tn-a", true},
		{"--statedir=/tmp/tn-ab/state", "/tmp/tn-a", false},
		{"--statedir=/tmp/tn-ab:/tmp/tn-a/x", "/tmp/tn-a", true},
		{"", "/tmp/tn-a", false},
	} {
		if got := names(c.text, c.folder); got != c.want {
			t.Errorf("names(%q, %q) = %v", c.text, c.folder, got)
		}
	}
}

func TestClaimRefusesFoldersThatAreNobodysOwn(t *testing.T) {
	s := &Sweeper{}
	for _, path := range []string{"", "state", "/", "/tmp", "/tmp/"} {
		if s.claim(path) == nil {
			t.Errorf("claim(%q) is accepted", path)
		}
	}
	if err := s.claim("/tmp/state"); err != nil {
		t.Error(err)
	}
}
