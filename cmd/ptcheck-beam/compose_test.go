package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/apache/beam/sdks/v2/go/pkg/beam/core"
	"go.yaml.in/yaml/v3"
)

// TestCompose holds the compose file to this program: its commands have the flags that are given
// there, the job server is of the Beam that is built in, and who works together shares what it must.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image               string
			Command, Entrypoint []string
			Network             string `yaml:"network_mode"`
			Volumes             []string
		}
		Volumes map[string]any
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for name, s := range file.Services {
		for _, v := range s.Volumes {
			volume, _, _ := strings.Cut(v, ":")
			if _, ok := file.Volumes[volume]; !ok {
				t.Errorf("%s: there is no volume %s", name, volume)
			}
		}
		if s.Image != "ptcheck-beam" {
			continue
		}
		ours++
		if !slices.Contains(s.Volumes, "work:/work") {
			t.Errorf("%s does not reach the working directory: %v", name, s.Volumes)
		}
		if _, ok := file.Services[strings.TrimPrefix(s.Network, "service:")]; !ok {
			t.Errorf("%s: network %s", name, s.Network)
		}
		args := s.Command
		if len(s.Entrypoint) > 1 {
			args = s.Entrypoint[1:]
		}
		// With --help nothing is run, but flags that do not exist are refused.
		cmd, _, errs := command("beam", append(slices.Clone(args), "--help")...)
		if err := cmd.Run(); err != nil {
			t.Errorf("%s: %v: %v: %s", name, args, err, errs)
		}
	}
	if ours != 2 {
		t.Errorf("%d services are ours", ours)
	}
	if server := file.Services["jobserver"].Image; !strings.HasSuffix(server, ":"+core.SdkVersion) {
		t.Errorf("the job server is %s, Beam %s is built in", server, core.SdkVersion)
	}
}
