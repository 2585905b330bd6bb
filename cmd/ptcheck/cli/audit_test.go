package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/ptcheck/ptcheck/traces/image"
	"github.com/ptcheck/ptcheck/traces/image/audit"
	"github.com/ptcheck/ptcheck/traces/image/imagetest"
)

// kernelImage writes an image of a small kernel in a mode: memory mapped from its half on,
// a page of text, a program. change may plant something.
func kernelImage(t *testing.T, mode image.Mode, change func(*imagetest.Tables)) string {
	t.Helper()
	mem := imagetest.New(1024)
	tables := imagetest.NewTables(mem, mode, 512)
	half, nx := uint64(0xc0000000), uint64(imagetest.NX)
	if mode >= image.FourLevel {
		half = 0xffff888000000000
	}
	if mode == image.TwoLevel {
		nx = 0
	}
	tables.MapRange(half, 0, 512, imagetest.Writable|nx)
	tables.Map(half+0x100000, 0x100000, 1, 0)
	tables.Map(0x400000, 0x110000, 1, imagetest.User|imagetest.Writable|nx)
	if change != nil {
		change(tables)
	}
	machine := imagetest.Machine{Long: mode >= image.FourLevel, CPUs: []image.CPU{imagetest.CPU(mode, tables.Root)}}
	path := filepath.Join(t.TempDir(), mode.String()+".elf")
	if err := os.WriteFile(path, imagetest.ELF(mem, &machine), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// writableText makes the kernel's text writable.
func writableText(t *imagetest.Tables) {
	half := uint64(0xffff888000000000)
	if t.Mode < image.FourLevel {
		half = 0xc0000000
	}
	t.Map(half+0x100000, 0x100000, 1, imagetest.Writable)
}

// TestAudit wants a verdict and an exit code in each mode and format.
func TestAudit(t *testing.T) {
	for _, mode := range []image.Mode{image.TwoLevel, image.PAE, image.FourLevel, image.FiveLevel} {
		clean, wx := kernelImage(t, mode, nil), kernelImage(t, mode, writableText)
		code, out, errs := ptcheck(t, "audit", clean)
		if code != exitHolds || !strings.Contains(out, "\nclean: ") || errs != "" {
			t.Errorf("%v: exit %d, %s%s", mode, code, out, errs)
		}
		wantCode, want := exitViolated, "broken: image-w-xor-x"
		if mode == image.TwoLevel {
			wantCode, want = exitHolds, "not applicable: no entry has the no-execute bit"
		}
		if code, out, _ = ptcheck(t, "audit", wx); code != wantCode || !strings.Contains(out, want) {
			t.Errorf("%v: exit %d, %s", mode, code, out)
		}
	}
}

// TestAuditFormats holds that each format tells the finding, and that the report is
// written whole.
func TestAuditFormats(t *testing.T) {
	wx := kernelImage(t, image.FourLevel, writableText)
	for _, format := range formatNames() {
		code, out, errs := ptcheck(t, "audit", "--format", format, wx)
		if code != exitViolated || !strings.Contains(out, "image-w-xor-x") || errs != "" || strings.Contains(out, "start of day") || strings.Contains(out, "calls (0)") {
			t.Errorf("%s: exit %d, %.2000s%s", format, code, out, errs)
		}
	}
	_, report, _ := ptcheck(t, "audit", "--format", "json", wx)
	schema, err := jsonschema.NewCompiler().Compile("../../../docs/report.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(report))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	if code, _, errs := ptcheck(t, "audit", "--report", dir, wx); code != exitViolated || errs != "" {
		t.Errorf("exit %d, %s", code, errs)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) < len(formatNames()) {
		t.Errorf("%v, %v", files, err)
	}
	_, out, _ := ptcheck(t, "audit", "--json", wx)
	var j struct {
		Clean bool
		Rules []struct{ ID, Verdict string }
	}
	if err := json.Unmarshal([]byte(out), &j); err != nil || j.Clean || j.Rules[0].Verdict != "broken" {
		t.Errorf("%v: %+v", err, j)
	}
}

// TestAuditPictures draws what an image maps.
func TestAuditPictures(t *testing.T) {
	path := kernelImage(t, image.FourLevel, nil)
	symbols := filepath.Join(t.TempDir(), "kallsyms")
	svg := filepath.Join(t.TempDir(), "tables.svg")
	if err := os.WriteFile(symbols, []byte("ffff888000100000 T _text\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := ptcheck(t, "audit", "--map", "--svg", svg, "--kallsyms", symbols, path)
	if code != exitHolds || !strings.Contains(out, "ffff888000000000-ffff8880000fffff") || !strings.Contains(out, "direct map") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if picture, err := os.ReadFile(svg); err != nil || !strings.Contains(string(picture), "4-level") {
		t.Errorf("%v, %.200s", err, picture)
	}
	wx := kernelImage(t, image.FourLevel, writableText)
	if _, out, _ = ptcheck(t, "audit", "--kallsyms", symbols, wx); !strings.Contains(out, "(_text)") {
		t.Errorf("no symbol in %s", out)
	}
}

// TestAuditRefuses wants one line for what cannot be audited.
func TestAuditRefuses(t *testing.T) {
	path := kernelImage(t, image.FourLevel, nil)
	for line, want := range map[string]string{
		"audit":                              "usage: ptcheck audit IMAGE",
		"audit no-such.elf":                  "no-such.elf",
		"audit audit_test.go":                "not a memory image",
		"audit .":                            "is a folder",
		"audit --xen " + path:                "no known layout of Xen's frame table agrees",
		"audit --cr3=zz " + path:             "want a physical address",
		"audit --cr3=0x1000 " + path:         "map nothing",
		"audit --kallsyms=no-such " + path:   "no-such",
		"audit --svg=/dev/null/x " + path:    "/dev/null",
		"audit --format=pdf " + path:         "pdf",
		"audit --format=text --json " + path: "both say what to print",
		"diff " + path + " audit_test.go":    "audit_test.go",
		"diff " + path + " " + plainBoot():   "address spaces of different sizes",
	} {
		code, out, errs := ptcheck(t, strings.Fields(line)...)
		if code != exitUsage || out != "" || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s: exit %d, stdout %q, stderr %q; want exit 2 and one line with %q", line, code, out, errs, want)
		}
	}
}

// TestDiffImages compares images with one another and with a boot of the model.
func TestDiffImages(t *testing.T) {
	clean, wx := kernelImage(t, image.FourLevel, nil), kernelImage(t, image.FourLevel, writableText)
	if code, out, errs := ptcheck(t, "diff", clean, clean); code != exitHolds || out+errs != "" {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	code, out, _ := ptcheck(t, "diff", clean, wx)
	if want := "ffff888000100000-ffff888000100fff 4K\n- r-x k 4K P 0x100\n+ rwx k 4K PW 0x100\n"; code != exitViolated || !strings.HasSuffix(out, want) {
		t.Errorf("exit %d, %s; want %s", code, out, want)
	}
	code, out, errs := ptcheck(t, "diff", "--ignore=tables", kernelImage(t, image.PAE, nil), plainBoot())
	if code != exitViolated || !strings.Contains(out, "c0100000-") || errs != "" {
		t.Errorf("exit %d, %.500s%s", code, out, errs)
	}
}

// TestImageRulesAreExplained holds that rules for images are listed and explained.
func TestImageRulesAreExplained(t *testing.T) {
	_, list, _ := ptcheck(t, "list")
	for _, id := range audit.RuleIDs() {
		code, out, _ := ptcheck(t, "explain", id)
		if code != exitHolds || !strings.Contains(out, "cannot tell:") || !strings.Contains(list, id) {
			t.Errorf("%s: exit %d, %s", id, code, out)
		}
	}
}
