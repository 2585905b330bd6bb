package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ptcheck/ptcheck/traces/golden"
)

// written writes a text into a file of its own.
func written(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBootExample boots what --example prints, and nothing but the flavour.
func TestBootExample(t *testing.T) {
	for _, flavour := range flavours() {
		code, example, errs := ptcheck(t, "boot", "--example", flavour)
		if code != exitHolds || errs != "" {
			t.Fatalf("%s: code %d, %s", flavour, code, errs)
		}
		code, out, errs := ptcheck(t, "boot", written(t, "machine.json", example))
		if code != exitHolds || errs != "" || !strings.Contains(out, "machine: "+flavour+" pae: ok\n") {
			t.Errorf("%s: code %d, %s\n%s", flavour, code, errs, out)
		}
		_, short, _ := ptcheck(t, "boot", written(t, "machine.json", `{"flavour": "`+flavour+`"}`))
		if short != out {
			t.Errorf("%s: an example is another machine than the defaults:\n%s\n%s", flavour, out, short)
		}
		for _, k := range golden.Keys() {
			name := k.Name[strings.LastIndexByte(k.Name, '.')+1:]
			if k.Default != "" && (k.Flavour == "" || string(k.Flavour) == flavour) && !strings.HasPrefix(k.Default, "follows") && !strings.Contains(example, `"`+name+`": `) {
				t.Errorf("%s: the example has no %s", flavour, k.Name)
			}
		}
	}
	code, out, _ := ptcheck(t, "boot", "--schema")
	if want, err := os.ReadFile("../../../docs/boot.schema.json"); code != exitHolds || err != nil || out != string(want) {
		t.Errorf("--schema: code %d, %v", code, err)
	}
}

// TestBootMemory boots a machine of which only the log is known.
func TestBootMemory(t *testing.T) {
	log := written(t, "dmesg.txt", `[    0.000000]  BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)
[    0.000000]  BIOS-e820: 0000000000100000 - 0000000010000000 (usable)
[    0.000000] init_memory_mapping: 0000000000000000-0000000010000000
[    0.000000]  0000000000 - 0000200000 page 4k
[    0.000000]  0000200000 - 0010000000 page 2M
`)
	code, out, errs := ptcheck(t, "boot", "--memory", log)
	if code != exitHolds || errs != "" || !strings.Contains(out, "dmesg.txt: native pae: ok\n  low memory      0x10000 frames") ||
		!strings.HasSuffix(out, "the same is mapped\n  0x00000000-0x001fffff  log: 4k, boot: 2M\n") {
		t.Errorf("code %d, %s\n%s", code, errs, out)
	}
	code, out, _ = ptcheck(t, "boot", "--memory", log, written(t, "c.json", `{"flavour": "xen", "max_low_pfn": "0x11000"}`))
	if code != exitViolated || !strings.HasSuffix(out, "  0x10000000-0x10ffffff  log: not mapped, boot: 4k (no memory, says the firmware)\n") {
		t.Errorf("more memory than there is: code %d\n%s", code, out)
	}
	if code, out, _ = ptcheck(t, "boot", "--memory", log, "--example", "xen"); code != exitHolds || !strings.Contains(out, `"max_low_pfn": "0x10000"`) || !strings.Contains(out, `"highmem": 0`) {
		t.Errorf("the example: code %d\n%s", code, out)
	}
}

// TestBootRefusals wants everything wrong with a machine told in lines of its own.
func TestBootRefusals(t *testing.T) {
	config := written(t, "c.json", "{\n \"psee\": 1,\n \"nx\": 2\n}")
	code, _, errs := ptcheck(t, "boot", config)
	want := "ptcheck: " + config + ":2: psee: unknown key; did you mean pse?\nptcheck: " + config + ":3: nx: 2 is not a flag: 0 or 1\n"
	if code != exitUsage || errs != want {
		t.Errorf("code %d, got\n%swant\n%s", code, errs, want)
	}
	log := written(t, "dmesg.txt", "BIOS-e820: nothing")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--memory", log}, log + ":1: BIOS-e820: "},
		{[]string{"--memory", "no-such-file"}, "no-such-file"},
		{[]string{"--example", "zen"}, "zen"},
		{[]string{"--example", "xen", config}, "read no configuration"},
		{[]string{}, "--example"},
		{[]string{"--check"}, "--check"},
	} {
		if code, _, errs := ptcheck(t, append([]string{"boot"}, c.args...)...); code != exitUsage || !strings.Contains(errs, c.want) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: code %d, %s", c.args, code, errs)
		}
	}
}
