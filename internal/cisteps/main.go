// Command cisteps writes the scripts of a template for continuous integration into a
// folder, one a file, in their order: the steps of a GitHub action, the jobs of a GitLab
// template. So they can be run where neither is.
//
//	cisteps FILE DIR
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// part is what either form has at its top level: the runs of an action, a job of GitLab.
type part struct {
	Steps []struct {
		Run string `yaml:"run"`
	} `yaml:"steps"`
	Script []string `yaml:"script"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: cisteps FILE DIR")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "cisteps:", err)
		os.Exit(1)
	}
}

func write(file, dir string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	list, err := scripts(text)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i, s := range list {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i)), []byte(s), 0o666); err != nil {
			return err
		}
	}
	return nil
}

// scripts are those of a template. A template has the steps of one action or one job:
// the order of several jobs would not be known.
func scripts(text []byte) ([]string, error) {
	var top map[string]yaml.Node
	if err := yaml.Unmarshal(text, &top); err != nil {
		return nil, err
	}
	var list []string
	parts := 0
	for _, node := range top {
		var p part
		if node.Kind != yaml.MappingNode || node.Decode(&p) != nil || p.Steps == nil && p.Script == nil {
			continue
		}
		parts++
		for _, s := range p.Steps {
			if s.Run != "" {
				list = append(list, s.Run)
			}
		}
		if p.Script != nil {
			list = append(list, strings.Join(p.Script, "\n")+"\n")
		}
	}
	switch {
	case parts > 1:
		return nil, errors.New("more than one job")
	case list == nil:
		return nil, errors.New("no script")
	}
	return list, nil
}
