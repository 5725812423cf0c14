// Reads from stdin what observers are told, with their own parsers: "metrics" is Prometheus' text format, which its parser and
// linter (as in promtool) take, and of which each family's name, type and number of samples is printed; "spans" is what an
// OTLP exporter posted, printed as JSON. Exit 1: it cannot be read, or the linter has something to say.
package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/prometheus/common/expfmt"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func main() {
	if err := read(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(what string) error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	switch what {
	case "metrics":
		return readMetrics(input)
	case "spans":
		return readSpans(input)
	}
	return fmt.Errorf("%q is neither metrics nor spans", what)
}

func readMetrics(text []byte) error {
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

// The body of an export request has the spans where TracesData has them; the request's own type would bring gRPC along.
func readSpans(body []byte) error {
	var data tracev1.TracesData
	if err := (proto.UnmarshalOptions{}).Unmarshal(body, &data); err != nil {
		return err
	}
	text, err := protojson.Marshal(&data)
	if err != nil {
		return err
	}
	fmt.Println(string(text))
	return nil
}
