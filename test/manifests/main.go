// Command manifests reads deployment files as their platforms do: Compose files by compose-go, Dockerfiles by BuildKit's
// parser and linting instruction parser, Kubernetes manifests strictly into the API's own types, one by one or as a
// kustomization makes them, a tailnet's policy by Tailscale's parser and strictly into its API's type, and the
// configuration of Serve strictly into its own. It prints what is wrong.
//
//	manifests compose|dockerfile|kubernetes|kustomize|policy|serve FILE
//
// kustomize takes a folder, and prints what it makes of it on the standard error.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/tailscale/hujson"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"tailscale.com/client/tailscale/v2"
	"tailscale.com/ipn"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: manifests compose|dockerfile|kubernetes|kustomize|policy|serve FILE")
		os.Exit(2)
	}
	readers := map[string]func(string) error{
		"compose":    compose,
		"dockerfile": dockerfile,
		"kubernetes": kubernetes,
		"kustomize":  kustomize,
		"policy":     policy,
		"serve":      serve,
	}
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
	return decodeAll(content)
}

// kustomize builds a folder as kubectl does.
func kustomize(folder string) error {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	content, err := built.AsYaml()
	if err != nil {
		return err
	}
	os.Stderr.Write(content)
	return decodeAll(content)
}

func decodeAll(content []byte) error {
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
		object, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
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

// policy prints the policy as JSON on the standard error.
func policy(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	standard, err := hujson.Standardize(content)
	if err != nil {
		return err
	}
	var acl tailscale.ACL
	if err := decodeStrictly(standard, &acl); err != nil {
		return err
	}
	if len(acl.Grants) == 0 {
		return errors.New("no grants")
	}
	return json.NewEncoder(os.Stderr).Encode(acl)
}

func serve(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var config ipn.ServeConfig
	return decodeStrictly(content, &config)
}

func decodeStrictly(content []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}
