// Reads what /metrics answered from stdin with Prometheus' own parser and linter, as promtool does, and prints each family's
// name, type and number of samples. Exit 1: it cannot be read, or the linter has something to say.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
)

func main() {
	if err := read(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	var parser expfmt.TextParser
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return err
	}
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		return err
	}
	if len(problems) > 0 {
		return fmt.Errorf("%v", problems)
	}
	lines := []string{}
	for name, family := range families {
		lines = append(lines, fmt.Sprintf("%s %s %d", name, family.GetType(), len(family.GetMetric())))
	}
	slices.Sort(lines)
	for _, line := range lines {
		fmt.Println(line)
	}
	return nil
}
