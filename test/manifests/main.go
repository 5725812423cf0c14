// Command manifests reads deployment files as their platforms do: Compose files by compose-go, Dockerfiles by BuildKit's
// parser and linting instruction parser, Kubernetes manifests strictly into the API's own types. It prints what is wrong.
//
//	manifests compose|dockerfile|kubernetes FILE
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: manifests compose|dockerfile|kubernetes FILE")
		os.Exit(2)
	}
	readers := map[string]func(string) error{"compose": compose, "dockerfile": dockerfile, "kubernetes": kubernetes}
	read, ok := readers[os.Args[1]]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown kind %q\n", os.Args[1])
		os.Exit(2)
	}
	if err := read(os.Args[2]); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func compose(path string) error {
	options, err := cli.NewProjectOptions([]string{path}, cli.WithWorkingDirectory(filepath.Dir(path)), cli.WithName("test"))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err == nil && len(project.Services) == 0 {
		return errors.New("no services")
	}
	return err
}

func dockerfile(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	result, err := parser.Parse(file)
	if err != nil {
		return err
	}
	if len(result.Warnings) > 0 {
		return fmt.Errorf("%v", result.Warnings)
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err == nil && len(stages) == 0 {
		return errors.New("no stages")
	}
	return err
}

func kubernetes(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(content)))
	count := 0
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var object runtime.Object
		if object, _, err = decoder.Decode(document, nil, nil); err != nil {
			return fmt.Errorf("document %d: %w", count+1, err)
		}
		if object.GetObjectKind().GroupVersionKind().Kind == "" {
			return fmt.Errorf("document %d has no kind", count+1)
		}
		count++
	}
	if count == 0 {
		return errors.New("no documents")
	}
	return nil
}
